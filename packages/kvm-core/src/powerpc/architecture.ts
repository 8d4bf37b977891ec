import * as abi from '../abi/powerpc/index.js';
import * as ioctls from '../abi/powerpc/ioctls.js';
import { architecture } from '../arch/architecture.js';

export const powerpc = architecture('powerpc', 'ppc64', abi, ioctls);
