import * as abi from '../../abi/s390/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { withGroups } from '../../ioctl/groups.js';
import { adoptVm, type SharedVm } from '../../ioctl/shared-vm.js';
import { bytesGiven } from '../../struct/bytes.js';
import { integer, objectOf, u32, u64 } from '../../struct/check.js';
import type { Struct, StructInit } from '../../struct/struct.js';
import { VmStart } from '../../threads/vm-start.js';
import { GenericVm } from '../../vm/vm.js';
import { s390 } from './architecture.js';
import { type MemOpOptions, memOp } from './memory.js';
import { Vcpu } from './vcpu.js';

/** Storage attributes of guest pages, and the number of later pages whose attributes have changed. */
export interface CmmaBits {
  /** The frame number of the first page. */
  readonly startGfn: bigint;
  /** One byte per page. */
  readonly values: Uint8Array;
  readonly remaining: bigint;
}

/** A virtual machine: memory, interrupt controllers and vCPUs. `kvm.createVm` creates one. */
export class Vm extends /* @__PURE__ */ withGroups(GenericVm<Vcpu>, VmStart<Vcpu>) {
  /** @internal */
  protected readonly vcpuType = Vcpu;

  /**
   * Opens the VM that another thread shared with `share`. This thread closes its own object.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for
   *   anything that `share` did not return.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(s390, shared));
  }

  /**
   * Reads or writes guest memory at an absolute address, or checks whether that is allowed. `op` selects the operation,
   * for example `KVM_S390_MEMOP_ABSOLUTE_READ`. KVM_S390_MEM_OP, api.rst 4.89. s390, Cap.S390MemOpExtension.
   *
   * @param bytes the data to write, or the buffer to read into; at most 64 KiB.
   */
  memOp(options: MemOpOptions, bytes: Uint8Array): void {
    const backend = this.opened();
    const { argument, behind } = memOp(objectOf(options, 'a memory operation'), bytes, (each) => backend.address(each));
    this.call(abi.KVM_S390_MEM_OP, this.addressOf(argument, behind));
  }

  /**
   * The storage keys of guest pages, one byte each; undefined if the guest does not use storage keys.
   * KVM_S390_GET_SKEYS, api.rst 4.90. s390, Cap.S390Skeys.
   *
   * @param startGfn the frame number of the first page.
   */
  getSkeys(startGfn: bigint, count: number): Uint8Array | undefined {
    integer(count, 1, Number(abi.KVM_S390_SKEYS_MAX), 'the number of storage keys');
    const keys = new Uint8Array(count);
    return this.#skeys(abi.KVM_S390_GET_SKEYS, startGfn, keys) === abi.KVM_S390_GET_SKEYS_NONE ? undefined : keys;
  }

  /** Sets the storage keys of guest pages. KVM_S390_SET_SKEYS, api.rst 4.91. s390, Cap.S390Skeys. */
  setSkeys(startGfn: bigint, keys: Uint8Array): void {
    const own = bytesGiven(keys, 'storage keys');
    integer(own.length, 1, Number(abi.KVM_S390_SKEYS_MAX), 'the number of storage keys');
    this.#skeys(abi.KVM_S390_SET_SKEYS, startGfn, own);
  }

  #skeys(
    ioctl: typeof abi.KVM_S390_GET_SKEYS | typeof abi.KVM_S390_SET_SKEYS,
    startGfn: bigint,
    keys: Uint8Array,
  ): number {
    const skeydataAddr = BigInt(this.opened().address(keys));
    const argument = abi.KvmS390Skeys.from({
      startGfn: u64(startGfn, 'startGfn'),
      count: BigInt(keys.length),
      skeydataAddr,
    });
    return this.call(ioctl, this.addressOf(argument, [keys]));
  }

  /**
   * Returns the storage attributes that have changed, starting at a page, and marks them as unchanged. With
   * `KVM_S390_CMMA_PEEK` it returns all attributes and marks none. KVM_S390_GET_CMMA_BITS, api.rst 4.107. s390,
   * Cap.S390CmmaMigration.
   *
   * @param count the maximum number of pages.
   */
  getCmmaBits(startGfn: bigint, count: number, flags = 0): CmmaBits {
    integer(count, 1, abi.KVM_S390_SKEYS_MAX, 'the number of pages');
    const values = new Uint8Array(count);
    const log = this.#cmmaLog({ startGfn: u64(startGfn, 'startGfn'), flags: u32(flags, 'flags') }, values);
    this.call(abi.KVM_S390_GET_CMMA_BITS, this.addressOf(log, [values]));
    return { startGfn: log.startGfn, values: values.subarray(0, log.count), remaining: log.remaining };
  }

  /**
   * Sets storage attributes of pages. KVM_S390_SET_CMMA_BITS, api.rst 4.108. s390, Cap.S390CmmaMigration.
   *
   * @param values one byte per page.
   * @param mask the bits of the values to set.
   */
  setCmmaBits(startGfn: bigint, values: Uint8Array, mask: bigint): void {
    const own = bytesGiven(values, 'storage attributes');
    const log = this.#cmmaLog({ startGfn: u64(startGfn, 'startGfn'), mask: u64(mask, 'mask') }, own);
    this.call(abi.KVM_S390_SET_CMMA_BITS, this.addressOf(log, [own]));
  }

  /**
   * Runs a command for a protected guest that takes no data: `PvCmdId.KVM_PV_ENABLE`, `KVM_PV_VERIFY`, `KVM_PV_DISABLE`
   * and others. KVM_S390_PV_COMMAND, api.rst 4.125. s390, Cap.S390Protected.
   */
  pvCommand(cmd: abi.PvCmdId): void {
    const withData: readonly number[] = [abi.KVM_PV_SET_SEC_PARMS, abi.KVM_PV_UNPACK, abi.KVM_PV_INFO, abi.KVM_PV_DUMP];
    if (withData.includes(u32(cmd, 'a command'))) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this command takes data: use its own method', {
        ioctl: 'KVM_S390_PV_COMMAND',
      });
    }
    this.#pv(cmd, undefined, []);
  }

  /**
   * Passes the header of a protected guest's image. KVM_S390_PV_COMMAND of KVM_PV_SET_SEC_PARMS, api.rst 4.125. s390,
   * Cap.S390Protected.
   */
  pvSetSecParms(header: Uint8Array): void {
    const own = bytesGiven(header, 'the header');
    const origin = BigInt(this.opened().address(own));
    this.#pv(abi.KVM_PV_SET_SEC_PARMS, abi.KvmS390PvSecParm.from({ origin, length: BigInt(own.length) }), [own]);
  }

  /**
   * Decrypts pages of a protected guest that are already in its memory. KVM_S390_PV_COMMAND of KVM_PV_UNPACK, api.rst
   * 4.125. s390, Cap.S390Protected.
   */
  pvUnpack(pages: StructInit<abi.KvmS390PvUnp>): void {
    this.#pv(abi.KVM_PV_UNPACK, new abi.KvmS390PvUnp().assign(pages), []);
  }

  /**
   * The features of the host's ultravisor: `KVM_PV_INFO_VM` or `KVM_PV_INFO_DUMP`. KVM_S390_PV_COMMAND of KVM_PV_INFO,
   * api.rst 4.125. s390, Cap.S390Protected, Cap.S390ProtectedDump.
   */
  pvInfo(id: number): abi.KvmS390PvInfo {
    const info = new abi.KvmS390PvInfo();
    info.header.assign({ id: u32(id, 'which information'), lenMax: info.bytes.length });
    this.#pv(abi.KVM_PV_INFO, info, []);
    return info;
  }

  /**
   * Runs a step of dumping a protected guest. KVM_S390_PV_COMMAND of KVM_PV_DUMP, api.rst 4.125. s390,
   * Cap.S390Protected, Cap.S390ProtectedDump.
   *
   * @param into the buffer for the dump; empty for a step that returns no data.
   * @returns the guest address at which the next step starts.
   */
  pvDump(subcmd: number, into: Uint8Array, gaddr = 0n): bigint {
    const room = bytesGiven(into, 'the room for the dump');
    const buffLen = BigInt(room.length);
    const buffAddr = BigInt(this.opened().address(room));
    const dump = abi.KvmS390PvDmp.from({ subcmd: BigInt(u32(subcmd, 'a step')), buffAddr, buffLen, gaddr });
    this.#pv(abi.KVM_PV_DUMP, dump, [room]);
    return dump.gaddr;
  }

  #pv(cmd: number, data: Struct | undefined, behind: readonly Uint8Array[]): void {
    const address = data === undefined ? 0n : BigInt(this.opened().address(data.bytes));
    const argument = abi.KvmPvCmd.from({ cmd, data: address });
    this.call(abi.KVM_S390_PV_COMMAND, this.addressOf(argument, data === undefined ? behind : [data, ...behind]));
  }

  #cmmaLog(fields: { startGfn: bigint; flags?: number; mask?: bigint }, values: Uint8Array): abi.KvmS390CmmaLog {
    const address = BigInt(this.opened().address(values));
    return abi.KvmS390CmmaLog.from({ ...fields, count: values.length, values: address });
  }
}
