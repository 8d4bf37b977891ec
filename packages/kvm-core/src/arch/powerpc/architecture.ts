import * as abi from '../../abi/powerpc/index.js';
import { architecture } from '../architecture.js';

export const powerpc = architecture('powerpc', abi, { fioclex: 0x2000_6601 });
