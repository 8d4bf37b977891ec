import * as abi from '../../abi/riscv/index.js';
import { architecture } from '../architecture.js';

export const riscv = architecture('riscv', abi);
