import * as abi from '../abi/x86/index.js';
import { architecture } from '../arch/architecture.js';

export const x86 = architecture('x86', 'x64', abi);
