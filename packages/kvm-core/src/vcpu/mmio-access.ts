import type { KvmRunMmio } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { bigInteger, integer } from '../struct/check.js';

/** An access to guest-physical memory without a slot: `len` bytes of `data` that the guest wrote or will read. */
export interface MmioAccess extends KvmRunMmio {
  /**
   * `physAddr` as a number, for handlers that must not allocate. It is exact: no processor has more than 52 address
   * bits.
   */
  readonly address: number;
  /** `data` as a little-endian number: the written value. Set it to the value that the guest reads, which must fit. */
  value: bigint;
  /** The same as a number, without allocation, for accesses of up to 4 bytes; for longer ones the low 4 bytes. */
  value32: number;
}

/** The class of an architecture's accesses. */
export interface MmioAccessType {
  new (): MmioAccess;
  at(bytes: Uint8Array): MmioAccess;
}

/** @param type the struct of an architecture; only the byte order differs between architectures. */
export function mmioAccess(type: typeof KvmRunMmio): MmioAccessType {
  // The struct itself gives the offsets, so that none is hard-coded.
  const dataOffset = new type().data.byteOffset;
  const { bytes: addressBytes } = type.from({ physAddr: 1n });
  const addressOffset = addressBytes.indexOf(1) & ~7;
  const littleEndian = addressBytes.indexOf(1) === addressOffset;
  const high = addressOffset + (littleEndian ? 4 : 0);
  const low = addressOffset + (littleEndian ? 0 : 4);

  return class MmioAccess extends type implements MmioAccess {
    get address(): number {
      const { view } = this;
      return view.getUint32(high, littleEndian) * 2 ** 32 + view.getUint32(low, littleEndian);
    }

    get value(): bigint {
      return this.view.getBigUint64(dataOffset, true) & lastValue(this.len);
    }

    set value(value: bigint) {
      if (this.len === 0) throw noAccess();
      this.view.setBigUint64(dataOffset, bigInteger(value, 0n, lastValue(this.len), 'what a guest reads'), true);
    }

    get value32(): number {
      const value = this.view.getUint32(dataOffset, true);
      return this.len >= 4 ? value : value & ((1 << (8 * this.len)) - 1);
    }

    set value32(value: number) {
      if (this.len === 0) throw noAccess();
      integer(value, 0, this.len >= 4 ? 0xffff_ffff : (1 << (8 * this.len)) - 1, 'what a guest reads');
      this.view.setUint32(dataOffset, value, true);
      this.view.setUint32(dataOffset + 4, 0, true);
    }
  };
}

/** The largest value of `bytes` bytes. */
function lastValue(bytes: number): bigint {
  return (1n << BigInt(8 * bytes)) - 1n;
}

/** The error for an access of length 0: the kernel shows none, so the run state is blank or shows another exit. */
export function noAccess(): KvmError {
  return new KvmError('ERR_KVM_CLOSED', 'there is no access to answer: the vCPU is closed, or has run to another exit');
}
