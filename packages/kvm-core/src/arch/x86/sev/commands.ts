import { KvmSevCmd } from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { bytesGiven } from '../../../struct/bytes.js';
import type { Struct } from '../../../struct/struct.js';
import { isGuestMemory } from '../../../vm/memory.js';

/** @internal The VM's side of the commands. */
export interface SevVm {
  /** KVM_MEMORY_ENCRYPT_OP. What lies behind the addresses in the command stays until it is done. */
  command(command: KvmSevCmd, behind: readonly object[]): void;
  address(bytes: Uint8Array): number;
}

/** The kernel takes no longer blob from or to the firmware. */
const longestBlob = 16 * 1024;

/** How the commands of SEV are given. */
export abstract class SevCommands {
  readonly #vm: SevVm;
  readonly #device: number;

  /** @internal `vm.sev`. */
  constructor(vm: SevVm, device: number) {
    this.#vm = vm;
    this.#device = device;
  }

  /** One command, with its struct and what the addresses in that lead to. */
  protected command(id: number, data?: Struct, behind: readonly Uint8Array[] = []): void {
    const command = KvmSevCmd.from({
      id,
      sevFd: this.#device,
      data: data === undefined ? 0n : this.addressOf(data.bytes),
    });
    this.#vm.command(command, data === undefined ? behind : [data, ...behind]);
  }

  /** 0 for no bytes at all. */
  protected addressOf(bytes: Uint8Array): bigint {
    return bytes.length === 0 ? 0n : BigInt(this.#vm.address(bytes));
  }

  /**
   * A command that writes blobs. Given no room, it fails and says how much it wants.
   *
   * @param data makes the struct, with room in these blobs; the first time there are none.
   * @param wants how long the blobs are, as the struct then says.
   * @param behind what else its addresses lead to.
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

/** A copy of bytes for the firmware, which nobody else can move or shrink. */
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

/** A part of guest memory, as the view that is the memory itself. */
export function partOf(memory: GuestMemory, offset: number, size: number | undefined): Uint8Array {
  isGuestMemory(memory);
  const bytes = memory.bytes(offset, size);
  if (bytes.length === 0) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the part of guest memory must not be empty');
  return bytes;
}
