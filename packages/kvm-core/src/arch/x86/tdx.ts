import { constants } from 'node:os';
import type { KvmCpuidEntry2 } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { pageSize } from '../../memory/page-size.js';
import type { StructArray } from '../../struct/array.js';
import { boolean, u64 } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import { Struct, type StructInit } from '../../struct/struct.js';
import { CpuidTable } from './cpuid/table.js';
import { partOf } from './sev/commands.js';

/** @internal One KVM_MEMORY_ENCRYPT_OP of a VM or vCPU. What lies behind the addresses in the command stays until it is done. */
export interface TdxTarget {
  command(command: abi.KvmTdxCmd, behind: readonly object[]): void;
  address(bytes: Uint8Array): number;
}

/** Of `tdx.initVm`. */
export interface TdxVm {
  /** Of the trust domain, among what `capabilities` says. */
  attributes: bigint;
  /** Extended states it may use, as XCR0 has them, among what `capabilities` says. */
  xfam: bigint;
  /** Its CPUID, with what `capabilities` says may be configured; the vCPUs' own must say the same. */
  cpuid: CpuidTable | ArrayLike<StructInit<KvmCpuidEntry2>>;
  /** Digests of 48 bytes that attestation will show: of its configuration, its owner, and the owner's configuration. */
  mrconfigid?: BigUint64Array;
  mrowner?: BigUint64Array;
  mrownerconfig?: BigUint64Array;
}

/** As many leaves as the kernel ever takes. */
const mostLeaves = 256;

/** How the commands of TDX are given. */
abstract class TdxCommands {
  readonly #target: TdxTarget;

  /** @internal */
  constructor(target: TdxTarget) {
    this.#target = target;
  }

  protected addressOf(bytes: Uint8Array): bigint {
    return BigInt(this.#target.address(bytes));
  }

  /** @param data the command's struct, or its number. */
  protected command(id: number, data: Struct | bigint = 0n, behind: readonly object[] = [], flags = 0): void {
    const own = data instanceof Struct;
    const command = abi.KvmTdxCmd.from({ id, flags, data: own ? this.addressOf(data.bytes) : data });
    this.#target.command(command, own ? [data, ...behind] : behind);
  }
}

/** A trust domain of Intel's TDX; `vm.tdx` gives it. In the kernel's documents: x86/intel-tdx.rst. */
export class Tdx extends TdxCommands {
  /** What trust domains can have on this host, `cpuid` being the leaves that can be configured. KVM_TDX_CAPABILITIES. */
  capabilities(): abi.KvmTdxCapabilities {
    const { size } = abi.KvmTdxCapabilities;
    const room = abi.KvmTdxCapabilities.at(new Uint8Array(size + mostLeaves * abi.KvmCpuidEntry2.size));
    room.cpuid.nent = mostLeaves;
    this.command(abi.KVM_TDX_CAPABILITIES, room);
    return room;
  }

  /** Makes the VM, of `VmType.Tdx`, a trust domain: before its first vCPU. KVM_TDX_INIT_VM. */
  initVm(config: TdxVm): void {
    const { attributes, xfam, cpuid, mrconfigid, mrowner, mrownerconfig } = optionsOf(config, 'a trust domain', [
      'attributes',
      'xfam',
      'cpuid',
      'mrconfigid',
      'mrowner',
      'mrownerconfig',
    ]);
    const leaves = CpuidTable.leavesOf(cpuid);
    const data = abi.KvmTdxInitVm.at(new Uint8Array(abi.KvmTdxInitVm.size + leaves.length * abi.KvmCpuidEntry2.size));
    data.assign({
      attributes: u64(attributes, 'attributes'),
      xfam: u64(xfam, 'xfam'),
      ...(mrconfigid && { mrconfigid }),
      ...(mrowner && { mrowner }),
      ...(mrownerconfig && { mrownerconfig }),
    });
    data.cpuid.nent = leaves.length;
    data.cpuid.entries = leaves;
    this.command(abi.KVM_TDX_INIT_VM, data);
  }

  /** The domain's first memory is complete, and measured: it is ready to run. KVM_TDX_FINALIZE_VM. */
  finalizeVm(): void {
    this.command(abi.KVM_TDX_FINALIZE_VM);
  }
}

/** A vCPU of a trust domain; `vcpu.tdx` gives it. */
export class TdxVcpu extends TdxCommands {
  /** Makes the vCPU one of its trust domain, with what RCX is at first. KVM_TDX_INIT_VCPU. */
  initVcpu(rcx = 0n): void {
    this.command(abi.KVM_TDX_INIT_VCPU, u64(rcx, 'RCX'));
  }

  /**
   * Fills private memory of the domain before its first run. Its slot has guest_memfd behind it, and the pages are private by their attributes.
   * KVM_TDX_INIT_MEM_REGION.
   *
   * @param region.gpa where it goes: a guest-physical address, whole pages.
   * @param region.memory where its content is: whole pages, from `offset`.
   * @param region.measure whether it belongs to what attestation shows; false.
   */
  initMemRegion(region: { gpa: bigint; memory: GuestMemory; offset?: number; size?: number; measure?: boolean }): void {
    const {
      gpa,
      memory,
      offset = 0,
      size,
      measure = false,
    } = optionsOf(region, 'memory of a trust domain', ['gpa', 'memory', 'offset', 'size', 'measure']);
    const bytes = partOf(memory, offset, size);
    if (bytes.length % pageSize !== 0) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `memory of a trust domain is whole pages, not ${bytes.length} bytes`);
    }
    const data = abi.KvmTdxInitMemRegion.from({
      sourceAddr: this.addressOf(bytes),
      gpa: u64(gpa, 'gpa'),
      nrPages: BigInt(bytes.length / pageSize),
    });
    const flags = boolean(measure, 'measure') ? Number(abi.KVM_TDX_MEASURE_MEMORY_REGION) : 0;
    for (let before = data.nrPages; ; before = data.nrPages) {
      try {
        this.command(abi.KVM_TDX_INIT_MEM_REGION, data, [bytes], flags);
        return;
      } catch (error) {
        // The kernel moves the region's start past what it has done when a signal cuts it short.
        const isCutShort = error instanceof KvmError && error.errno === constants.errno.EINTR;
        if (!isCutShort || data.nrPages === before) throw error;
      }
    }
  }

  /** What CPUID tells the domain, by the module's word and not by KVM's. KVM_TDX_GET_CPUID. */
  getCpuid(): StructArray<KvmCpuidEntry2> {
    const room = abi.KvmCpuid2.withCapacity(mostLeaves);
    this.command(abi.KVM_TDX_GET_CPUID, room);
    return room.entries;
  }
}
