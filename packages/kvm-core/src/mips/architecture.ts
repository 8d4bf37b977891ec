import * as abi from '../abi/mips/index.js';
import { architecture } from '../arch/architecture.js';

export const mips = architecture('mips', 'mips64el', abi);
