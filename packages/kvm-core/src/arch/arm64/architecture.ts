import * as abi from '../../abi/arm64/index.js';
import { architecture } from '../architecture.js';
import { hints } from './hints.js';

export const arm64 = architecture('arm64', abi, { hints });
