import { KvmSevCmd } from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { bytesGiven } from '../../../struct/bytes.js';
import { className, custom, type ShowOptions, show } from '../../../struct/inspect.js';
import type { Struct } from '../../../struct/struct.js';
import { isGuestMemory } from '../../../vm/memory.js';

/** @internal The calls of the VM that the commands use. */
export interface SevVm {
  /** Runs KVM_MEMORY_ENCRYPT_OP. `behind` are the buffers that the command points to. */
  command(command: KvmSevCmd, behind: readonly object[]): void;
  address(bytes: Uint8Array): number;
  /** For `console.log`. */
  readonly vm: object;
}

/** The kernel's limit for blobs of the firmware, in bytes. */
const longestBlob = 16 * 1024;

/** Builds and runs the commands of SEV. */
export abstract class SevCommands {
  readonly #vm: SevVm;
  readonly #device: number;

  /** @internal `vm.sev`. */
  constructor(vm: SevVm, device: number) {
    this.#vm = vm;
    this.#device = device;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    return show(className(this), () => ({ vm: this.#vm.vm, device: this.#device }), depth, options);
  }

  /** Runs a command with its struct. `behind` has the buffers that the struct points to. */
  protected command(id: number, data?: Struct, behind: readonly Uint8Array[] = []): void {
    const command = KvmSevCmd.from({
      id,
      sevFd: this.#device,
      data: data === undefined ? 0n : this.addressOf(data.bytes),
    });
    this.#vm.command(command, data === undefined ? behind : [data, ...behind]);
  }

  /** The address of a buffer; 0 for an empty one. */
  protected addressOf(bytes: Uint8Array): bigint {
    return bytes.length === 0 ? 0n : BigInt(this.#vm.address(bytes));
  }

  /**
   * Runs a command that writes blobs. The first try has no buffers: it fails and reports the lengths.
   *
   * @param data makes the struct with these buffers. The first call has none.
   * @param wants reads the lengths of the blobs from the struct.
   * @param behind the other buffers that the struct points to.
   */
  protected blobs<T extends Struct>(
    id: number,
    data: (...blobs: Uint8Array[]) => T,
    wants: (data: T) => number[],
    behind: readonly Uint8Array[] = [],
  ): { data: T; blobs: Uint8Array[] } {
    const question = data();
    try {
      this.command(id, question, behind);
    } catch (error) {
      if (wants(question).some((length) => length === 0)) throw error;
    }
    const blobs = wants(question).map((length) => new Uint8Array(Math.min(length, longestBlob)));
    const full = data(...blobs);
    this.command(id, full, [...behind, ...blobs]);
    return { data: full, blobs: blobs.map((blob, i) => blob.subarray(0, wants(full)[i])) };
  }
}

/** A copy of bytes for the firmware, so that their address stays valid. */
export function blobFor(bytes: Uint8Array, where: string, length?: number): Uint8Array {
  const wanted = length === undefined ? `1 to ${longestBlob}` : `${length}`;
  const own = bytesGiven(bytes, where).slice();
  const fits = length === undefined ? own.length > 0 && own.length <= longestBlob : own.length === length;
  if (!fits) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be a Uint8Array of ${wanted} bytes`);
  return own;
}

export function optionalBlob(bytes: Uint8Array | undefined, where: string): Uint8Array {
  return bytes === undefined ? new Uint8Array(0) : blobFor(bytes, where);
}

/** A part of guest memory, as a view of the memory. */
export function partOf(memory: GuestMemory, offset: number, size: number | undefined): Uint8Array {
  isGuestMemory(memory);
  const bytes = memory.bytes(offset, size);
  if (bytes.length === 0) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the part of guest memory must not be empty');
  return bytes;
}
