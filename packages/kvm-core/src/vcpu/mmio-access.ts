import { KvmRunMmio } from '../abi/x86/index.js';

/** Where things lie in the exit, found through the struct itself: there is no offset to type. */
const dataOffset = new KvmRunMmio().data.byteOffset;
const physAddrOffset = KvmRunMmio.from({ physAddr: 1n }).bytes.indexOf(1);

/** An access to guest-physical memory that no slot backs: `len` bytes of `data`, both ways. */
export class MmioAccess extends KvmRunMmio {
  /** `physAddr` as a number, which makes no garbage: no processor has more than 52 bits of it. */
  get address(): number {
    const { view } = this;
    return view.getUint32(physAddrOffset + 4, true) * 2 ** 32 + view.getUint32(physAddrOffset, true);
  }

  /** The first `len` bytes as a little-endian number: what the guest wrote. Setting it is what a read gives to the guest. */
  get value(): bigint {
    return this.view.getBigUint64(dataOffset, true) & ((1n << BigInt(8 * this.len)) - 1n);
  }

  set value(value: bigint) {
    this.view.setBigUint64(dataOffset, value, true);
  }

  /** The same for accesses of up to 4 bytes, as a number, which makes no garbage; of a longer one, the low half. */
  get value32(): number {
    const value = this.view.getUint32(dataOffset, true);
    return this.len >= 4 ? value : value & ((1 << (8 * this.len)) - 1);
  }

  set value32(value: number) {
    this.view.setUint32(dataOffset, value, true);
    this.view.setUint32(dataOffset + 4, 0, true);
  }
}
