import { endianness } from 'node:os';
import type { Ioctl } from '../abi/ioctl.js';
import type { KvmOneReg } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { bytesGiven } from '../struct/bytes.js';
import { bigInteger, u64 } from '../struct/check.js';

const littleEndian = endianness() === 'LE';

/** The longest register whose value is a number, in bytes. */
const longestNumber = 8;

/** Registers, one at a time, by their ids. */
export abstract class VcpuOneReg extends KvmFd<'vcpu'> {
  /**
   * Reads one register. KVM_GET_ONE_REG, api.rst 4.69. Cap.OneReg.
   *
   * @param id an id that `getRegList` lists, or a constant of the architecture. It includes the register's length.
   * @returns the value of a register of up to 8 bytes; the bytes of a longer one, in memory order.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENOENT or EINVAL if the vCPU has no such register.
   */
  getOneReg(id: bigint): bigint | Uint8Array<ArrayBuffer> {
    const value = this.registerValue(id);
    this.transferRegister(this.abi.KVM_GET_ONE_REG, id, value);
    return value.length > longestNumber ? value.bytes.slice(0, value.length) : value.number;
  }

  /**
   * Sets one register. KVM_SET_ONE_REG, api.rst 4.68. Cap.OneReg.
   *
   * @param value a number that fits the length in the id, or that many bytes; for a register longer than 8 bytes,
   *   bytes.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for a value of another length, `ERR_KVM_SYSCALL` if the kernel refuses it.
   */
  setOneReg(id: bigint, value: bigint | Uint8Array): void {
    const register = this.registerValue(id);
    register.set(value, `the register 0x${id.toString(16)}`);
    this.transferRegister(this.abi.KVM_SET_ONE_REG, id, register);
  }

  /**
   * The ids of the registers that a saved state needs; `getOneReg` reads each. On arm64 they depend on the features
   * that the vCPU was initialised with. KVM_GET_REG_LIST, api.rst 4.84. Cap.OneReg; x86, arm64, riscv, mips.
   */
  getRegList(): BigUint64Array {
    return this.readList(this.abi.KVM_GET_REG_LIST).reg.slice();
  }

  /** The buffer for a register's value: as many bytes as the kernel reads or writes for the id. */
  private registerValue(id: bigint): RegisterValue {
    const length = this.abi.KVM_REG_SIZE(u64(id, 'a register id'));
    const value = this.kept('oneReg', () => new RegisterValue(new this.abi.KvmOneReg()));
    value.resize(length);
    return value;
  }

  private transferRegister(ioctl: Ioctl, id: bigint, { argument, bytes }: RegisterValue): void {
    this.opened();
    argument.id = id;
    argument.addr = BigInt(this.backend.address(bytes));
    this.call(ioctl, this.addressOf(argument, [bytes]));
  }
}

/** The bytes of a register's value, and the ioctl's argument that refers to them. Reused for each register. */
class RegisterValue {
  readonly argument: KvmOneReg;
  /** As long as the longest register so far, at least 8 bytes. */
  bytes = new Uint8Array(longestNumber);
  /** The length of the current register in bytes. */
  length = 0;

  constructor(argument: KvmOneReg) {
    this.argument = argument;
  }

  resize(length: number): void {
    this.length = length;
    if (this.bytes.length < length) this.bytes = new Uint8Array(length);
  }

  /**
   * A short register is at the start of the bytes: the low end of the number on little-endian hosts, else the high end.
   */
  get number(): bigint {
    const number = new DataView(this.bytes.buffer).getBigUint64(0, littleEndian);
    return littleEndian ? BigInt.asUintN(8 * this.length, number) : number >> BigInt(64 - 8 * this.length);
  }

  set(value: bigint | Uint8Array, register: string): void {
    const { length } = this;
    if (typeof value !== 'bigint' && typeof value !== 'number') {
      const bytes = bytesGiven(value, `the value of ${register}`);
      if (bytes.length !== length) {
        throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${register} has ${length} bytes, not ${bytes.length}`);
      }
      this.bytes.set(bytes);
    } else if (length > longestNumber) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${register} takes a Uint8Array of ${length} bytes`);
    } else {
      const number = bigInteger(value, 0n, (1n << BigInt(8 * length)) - 1n, `the value of ${register}`);
      const placed = littleEndian ? number : number << BigInt(64 - 8 * length);
      new DataView(this.bytes.buffer).setBigUint64(0, placed, littleEndian);
    }
  }
}
