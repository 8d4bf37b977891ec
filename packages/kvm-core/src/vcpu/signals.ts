import { constants } from 'node:os';
import { kickSignals } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { integer, list, oneOf } from '../struct/check.js';

/** The signals that libc's threads send each other. */
const libcSignals: readonly number[] = [32, 33];
/** The kernel's sigset_t: one bit per signal. Only mips has more, and refuses a set of this length. */
const signals = 64;

/** The signals that can interrupt a running vCPU. */
export abstract class VcpuSignals extends KvmFd<'vcpu'> {
  /**
   * Sets the signals that are blocked while the guest runs, so that they do not end `run` with `ExitReason.Intr`: a
   * profiler's SIGPROF, for example. They are delivered between the runs. Without a list, the thread's own mask applies
   * again. KVM_SET_SIGNAL_MASK, api.rst 4.21.
   *
   * @param blocked names or numbers: `['SIGPROF', 34]`.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for the signals from 40 to 60, one of which kicks use, and for 32 and
   *   33, which libc's threads use.
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
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `signal ${number} must not be blocked while a guest runs`, {
      hint: isKick ? 'kicks may use it' : "libc's threads use it",
    });
  }
  return number;
}
