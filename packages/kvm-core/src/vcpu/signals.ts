import { constants } from 'node:os';
import { kickSignals } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { integer, list, oneOf } from '../struct/check.js';

/** libc's own, from its threads to each other. */
const libcSignals: readonly number[] = [32, 33];
/** sigset_t of the kernel: one bit a signal. mips alone has more, and refuses a set of this length. */
const signals = 64;

/** The signals that reach a thread while it runs a vCPU. */
export abstract class VcpuSignals extends KvmFd<'vcpu'> {
  /**
   * Which signals wait while the guest runs, instead of ending the `run` with `ExitReason.Intr`: a profiler's SIGPROF, say. They arrive
   * between the runs. Without a list it is again those that wait for the thread as it is. KVM_SET_SIGNAL_MASK, api.rst 4.21.
   *
   * @param blocked names or numbers: `['SIGPROF', 34]`.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the signals from 40 to 60, of which one is the kick's, and for 32 and 33, by which the
   *   threads of libc talk.
   */
  setSignalMask(blocked?: ArrayLike<NodeJS.Signals | number>): void {
    const { KVM_SET_SIGNAL_MASK, KvmSignalMask } = this.abi;
    if (blocked === undefined) {
      this.call(KVM_SET_SIGNAL_MASK);
      return;
    }
    const mask = new BigUint64Array(1);
    for (const signal of list(blocked, 'the blocked signals').map(numberOf)) {
      mask[0] = (mask[0] as bigint) | (1n << BigInt(signal - 1));
    }
    const argument = KvmSignalMask.from({ sigset: new Uint8Array(mask.buffer) });
    this.call(KVM_SET_SIGNAL_MASK, this.addressOf(argument));
  }
}

function numberOf(signal: NodeJS.Signals | number): number {
  const number =
    typeof signal === 'number'
      ? integer(signal, 1, signals, 'a signal')
      : oneOf(constants.signals as Readonly<Record<string, number>>, signal, 'a signal');
  const isKick = number >= kickSignals.first && number <= kickSignals.last;
  if (isKick || libcSignals.includes(number)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `signal ${number} must not wait while a guest runs`, {
      hint: isKick ? 'it may be the one that kicks are made of' : 'the threads of libc talk by it',
    });
  }
  return number;
}
