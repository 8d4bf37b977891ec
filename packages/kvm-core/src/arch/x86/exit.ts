import * as abi from '../../abi/x86/index.js';
import { type ExitMakers, type ExitOf, makeExits } from '../../vcpu/exit-views.js';
import { type MmioAccess as Access, mmioAccess } from '../../vcpu/mmio-access.js';
import { IoAccess } from './io-access.js';

const { ExitReason } = abi;

export interface IoExit {
  readonly reason: typeof ExitReason.Io;
  readonly io: IoAccess;
}

/**
 * Why a run returned. A `switch` on `reason` narrows it to the members of `struct kvm_run` that the kernel fills for
 * that reason. They have the kernel's names: `exit.io`, `exit.mmio`, `exit.systemEvent`.
 */
export type Exit = Exclude<ExitOf<abi.AbiExit>, { readonly reason: IoExit['reason'] }> | IoExit;

/** An access to guest-physical memory that no slot backs. */
export type MmioAccess = Access;
export const MmioAccess = mmioAccess(abi.KvmRunMmio);

export const exitMakers: ExitMakers<Exit> = {
  // Replaces the plain view of Io with one that has the data.
  ...(makeExits(abi.exitViews, MmioAccess, ExitReason) as ExitMakers<Exit>),
  [ExitReason.Io]: (state) => ({ reason: ExitReason.Io, io: IoAccess.of(state) }),
};
