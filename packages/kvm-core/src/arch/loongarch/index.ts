import * as abi from '../../abi/loongarch/index.js';
import { plainClasses } from '../common/plain-classes.js';
import { namesOf } from '../names.js';
import { loongarch } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';

export * from '../../abi/loongarch/index.js';
export * from '../common/exports.js';
export type { Exit } from './exit.js';

export const { Kvm, Vm, Vcpu } = /* @__PURE__ */ plainClasses<Exit, abi.KvmRun, abi.Cap>(loongarch, exitMakers);
export type Kvm = InstanceType<typeof Kvm>;
export type Vm = InstanceType<typeof Vm>;
export type Vcpu = InstanceType<typeof Vcpu>;

export const { capName, capByName, allCaps, exitReasonName } = namesOf<abi.Cap>(abi);
