import * as abi from '../../abi/powerpc/index.js';
import { namesOf } from '../names.js';

export * from '../../abi/powerpc/index.js';
export * from '../common/exports.js';
export type { Exit } from './exit.js';
export { Kvm } from './kvm.js';
export { Vcpu } from './vcpu.js';
export { Vm } from './vm.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);
