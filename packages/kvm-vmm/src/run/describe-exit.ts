import { type Exit, ExitReason, exitReasonName, KvmError, Struct, unrecognised } from '@kvm/core';

/** An exit in one line: its name and what it carries. After it was handled, that includes the data of a read. */
export function describeExit(exit: Exit): string {
  if (typeof exit !== 'object' || exit === null || typeof exit.reason !== 'number') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'describeExit takes an exit, as vcpu.run() returns it');
  }
  switch (exit.reason) {
    case ExitReason.Io: {
      const { port, size, count, isWrite, data } = exit.io;
      return `KVM_EXIT_IO ${isWrite ? 'out' : 'in'} port=${hex(port)} size=${size} count=${count} data=${bytes(data)}`;
    }
    case ExitReason.Mmio: {
      const { physAddr, len, isWrite, data } = exit.mmio;
      const direction = isWrite ? 'write' : 'read';
      return `KVM_EXIT_MMIO ${direction} addr=${hex(physAddr)} len=${len} data=${bytes(data)}`;
    }
    case unrecognised:
      return exitReasonName(exit.exitReason);
    default:
      return [exitReasonName(exit.reason), ...members(exit)].join(' ');
  }
}

/** The members of an exit that has no format of its own. */
function members(exit: Exit): string[] {
  return Object.entries(exit)
    .filter(([name]) => name !== 'reason')
    .map(([name, value]) => `${name}=${value instanceof Struct ? JSON.stringify(value) : String(value)}`);
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function bytes(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
}
