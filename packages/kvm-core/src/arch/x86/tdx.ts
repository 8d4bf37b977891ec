import { constants } from 'node:os';
import type { KvmCpuidEntry2 } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { pageSize } from '../../memory/page-size.js';
import type { StructArray } from '../../struct/array.js';
import { boolean, u64 } from '../../struct/check.js';
import { className, custom, type ShowOptions, show } from '../../struct/inspect.js';
import { optionsOf } from '../../struct/options.js';
import { Struct, type StructInit } from '../../struct/struct.js';
import { CpuidTable } from './cpuid/table.js';
import { partOf } from './sev/commands.js';

/** @internal Runs KVM_MEMORY_ENCRYPT_OP on a VM or vCPU. `behind` are the buffers that the command points to. */
export interface TdxTarget {
  command(command: abi.KvmTdxCmd, behind: readonly object[]): void;
  address(bytes: Uint8Array): number;
  /** For `console.log`. */
  readonly shown: object;
}

/** The options of `tdx.initVm`. */
export interface TdxVm {
  /** The attributes of the trust domain, of those that `capabilities` reports. */
  attributes: bigint;
  /** The extended states that it may use, as bits of XCR0, of those that `capabilities` reports. */
  xfam: bigint;
  /** Its CPUID, within what `capabilities` reports as configurable. The CPUID of its vCPUs must be the same. */
  cpuid: CpuidTable | ArrayLike<StructInit<KvmCpuidEntry2>>;
  /** Digests of 48 bytes for attestation: of its configuration, its owner, and the owner's configuration. */
  mrconfigid?: BigUint64Array;
  mrowner?: BigUint64Array;
  mrownerconfig?: BigUint64Array;
}

/** The kernel's limit of leaves. */
const mostLeaves = 256;

/** Builds and runs the commands of TDX. */
abstract class TdxCommands {
  readonly #target: TdxTarget;

  /** @internal */
  constructor(target: TdxTarget) {
    this.#target = target;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    return show(className(this), () => this.#target.shown, depth, options);
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

/** An Intel TDX trust domain; `vm.tdx` creates it. Kernel documentation: x86/intel-tdx.rst. */
export class Tdx extends TdxCommands {
  /** What this host supports for trust domains; `cpuid` has the configurable leaves. KVM_TDX_CAPABILITIES. */
  capabilities(): abi.KvmTdxCapabilities {
    const { size } = abi.KvmTdxCapabilities;
    const room = abi.KvmTdxCapabilities.at(new Uint8Array(size + mostLeaves * abi.KvmCpuidEntry2.size));
    room.cpuid.nent = mostLeaves;
    this.command(abi.KVM_TDX_CAPABILITIES, room);
    return room;
  }

  /** Initialises the VM, of `VmType.Tdx`, as a trust domain. Call this before the first vCPU. KVM_TDX_INIT_VM. */
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

  /** Completes the initial memory and its measurement. The domain can then run. KVM_TDX_FINALIZE_VM. */
  finalizeVm(): void {
    this.command(abi.KVM_TDX_FINALIZE_VM);
  }
}

/** A vCPU of a trust domain; `vcpu.tdx` creates it. */
export class TdxVcpu extends TdxCommands {
  /** Initialises the vCPU for its trust domain, with the initial value of RCX. KVM_TDX_INIT_VCPU. */
  initVcpu(rcx = 0n): void {
    this.command(abi.KVM_TDX_INIT_VCPU, u64(rcx, 'RCX'));
  }

  /**
   * Fills private memory of the domain before its first run. The slot must have a guest_memfd, and the attributes of
   * the pages must be private. KVM_TDX_INIT_MEM_REGION.
   *
   * @param region.gpa the guest-physical address to fill, a multiple of the page size.
   * @param region.memory the content: whole pages, from `offset`.
   * @param region.measure whether to add the content to the measurement; default false.
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
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `memory of a trust domain must be whole pages, not ${bytes.length} bytes`,
      );
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
        // When a signal interrupts the kernel, it moves the start of the region past the pages that it has done.
        const isCutShort = error instanceof KvmError && error.errno === constants.errno.EINTR;
        if (!isCutShort || data.nrPages === before) throw error;
      }
    }
  }

  /** The CPUID that the domain sees, as reported by the TDX module, not by KVM. KVM_TDX_GET_CPUID. */
  getCpuid(): StructArray<KvmCpuidEntry2> {
    const room = abi.KvmCpuid2.withCapacity(mostLeaves);
    this.command(abi.KVM_TDX_GET_CPUID, room);
    return room.entries;
  }
}
