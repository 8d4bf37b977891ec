import * as abi from '../../abi/riscv/index.js';
import { namesOf } from '../names.js';

export * from '../../abi/riscv/index.js';
export * from '../common/exports.js';
export type { Exit } from './exit.js';
export { doubleReg, FcsrReg, floatReg, IsaExtReg, SbiExtReg, VectorCsr, vectorReg } from './extensions.js';
export { Kvm } from './kvm.js';
export { ConfigReg, CoreReg, Csr, SbiStateReg, TimerReg } from './register-ids.js';
export { Vcpu } from './vcpu.js';
export { Vm } from './vm.js';

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);
