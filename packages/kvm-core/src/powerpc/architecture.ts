import * as abi from '../abi/powerpc/index.js';
import { architecture } from '../arch/architecture.js';

export const powerpc = architecture('powerpc', 'ppc64', abi);
