import * as abi from '../abi/loongarch/index.js';
import { architecture } from '../arch/architecture.js';

export const loongarch = architecture('loongarch', 'loong64', abi);
