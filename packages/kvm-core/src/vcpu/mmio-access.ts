import { KvmRunMmio } from '../abi/x86/index.js';
import { bigInteger, integer } from '../struct/check.js';

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

  /** The first `len` bytes as a little-endian number: what the guest wrote. Set, it is what the guest reads, and must fit. */
  get value(): bigint {
    return this.view.getBigUint64(dataOffset, true) & lastValue(this.len);
  }

  set value(value: bigint) {
    this.view.setBigUint64(dataOffset, bigInteger(value, 0n, lastValue(this.len), 'what a guest reads'), true);
  }

  /** The same for accesses of up to 4 bytes, as a number, which makes no garbage; of a longer one, the low 4 bytes. */
  get value32(): number {
    const value = this.view.getUint32(dataOffset, true);
    return this.len >= 4 ? value : value & ((1 << (8 * this.len)) - 1);
  }

  set value32(value: number) {
    integer(value, 0, this.len >= 4 ? 0xffff_ffff : (1 << (8 * this.len)) - 1, 'what a guest reads');
    this.view.setUint32(dataOffset, value, true);
    this.view.setUint32(dataOffset + 4, 0, true);
  }
}

/** The largest number of so many bytes. */
function lastValue(bytes: number): bigint {
  return (1n << BigInt(8 * bytes)) - 1n;
}
