import * as abi from '../../abi/loongarch/index.js';
import { type ExitMakers, type ExitOf, makeExits } from '../../vcpu/exit-views.js';
import { type MmioAccess, mmioAccess } from '../../vcpu/mmio-access.js';

const { ExitReason } = abi;

/** An access to an IOCSR register: `iocsrIo.physAddr` is its number, the other fields are those of an MMIO access. */
export interface IocsrExit {
  readonly reason: typeof ExitReason.LoongarchIocsr;
  readonly iocsrIo: MmioAccess;
}

/**
 * Why a run returned. A `switch` on `reason` narrows it to the members of `struct kvm_run` that the kernel fills for
 * that reason. They have the kernel's names: `exit.mmio`, `exit.systemEvent`.
 */
export type Exit = Exclude<ExitOf<abi.AbiExit>, { readonly reason: IocsrExit['reason'] }> | IocsrExit;

const IocsrAccess = mmioAccess(abi.KvmRunIocsrIo as unknown as typeof abi.KvmRunMmio);

export const exitMakers: ExitMakers<Exit> = {
  ...(makeExits(abi.exitViews, mmioAccess(abi.KvmRunMmio), ExitReason) as ExitMakers<Exit>),
  [ExitReason.LoongarchIocsr]: ({ run }) => ({
    reason: ExitReason.LoongarchIocsr,
    iocsrIo: IocsrAccess.at((run as abi.KvmRun).iocsrIo.bytes),
  }),
};
