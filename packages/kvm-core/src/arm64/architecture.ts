import * as abi from '../abi/arm64/index.js';
import { architecture } from '../arch/architecture.js';

export const arm64 = architecture('arm64', 'arm64', abi);
