import * as abi from '../../abi/x86/index.js';
import { architecture } from '../architecture.js';
import { hints } from './hints.js';

export const x86 = architecture('x86', abi, { hints });
