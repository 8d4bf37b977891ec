import * as abi from '../abi/loongarch/index.js';
import { namesOf } from '../names.js';

export * from '../abi/loongarch/index.js';
export * from '../generic.js';
export type { Exit } from './exits.js';
export { Kvm } from './kvm.js';
export { Vcpu } from './vcpu.js';
export { Vm } from './vm.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);
