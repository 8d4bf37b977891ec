import * as abi from '../../abi/arm64/index.js';
import { type ExitMakers, type ExitOf, makeExits } from '../../vcpu/exit-views.js';
import { mmioAccess } from '../../vcpu/mmio-access.js';

/**
 * Why a run returned. A `switch` on `reason` narrows it to the members of `struct kvm_run` that the kernel fills for
 * that reason. They have the kernel's names: `exit.mmio`, `exit.systemEvent`.
 */
export type Exit = ExitOf<abi.AbiExit>;

export const exitMakers: ExitMakers<Exit> = makeExits(abi.exitViews, mmioAccess(abi.KvmRunMmio), abi.ExitReason);
