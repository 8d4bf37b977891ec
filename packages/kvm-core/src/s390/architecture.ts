import * as abi from '../abi/s390/index.js';
import { architecture } from '../arch/architecture.js';

export const s390 = architecture('s390', 's390x', abi);
