import * as abi from '../../abi/s390/index.js';
import { namesOf } from '../names.js';

export * from '../../abi/s390/index.js';
export * from '../common/exports.js';
export type { Exit } from './exit.js';
export { Kvm } from './kvm.js';
export type { MemOpOptions } from './memory.js';
export { Vcpu } from './vcpu.js';
export { type CmmaBits, Vm } from './vm.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);
