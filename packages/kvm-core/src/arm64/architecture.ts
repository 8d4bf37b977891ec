import * as abi from '../abi/arm64/index.js';
import * as ioctls from '../abi/arm64/ioctls.js';
import { architecture } from '../arch/architecture.js';

export const arm64 = architecture('arm64', 'arm64', abi, ioctls);
