import * as abi from '../abi/riscv/index.js';
import { architecture } from '../arch/architecture.js';

export const riscv = architecture('riscv', 'riscv64', abi);
