import * as abi from '../../abi/mips/index.js';
import { architecture } from '../architecture.js';

export const mips = architecture('mips', abi, { fioclex: 0x6601 });
