import * as abi from '../../abi/loongarch/index.js';
import { architecture } from '../architecture.js';

export const loongarch = architecture('loongarch', abi);
