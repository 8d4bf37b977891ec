import * as abi from '../../abi/s390/index.js';
import { architecture } from '../architecture.js';

export const s390 = architecture('s390', abi);
