import { type GuestMemory, KvmError, pageSize, type Vcpu } from '@kvm/core';
import { integer, optionsOf, s64, u64 } from '@kvm/core/struct';
import { addressLimit, enterMode, type Mode, tablesSize } from '@kvm/core/x86';
import { checkMemory, lowMemoryEnd } from '../../memory/memory-map.js';

/** The default load address of a flat binary. */
export const defaultLoadAddress = 0x1000n;

export interface FlatOptions {
  mode: Mode;
  /** Bytes of the guest's memory. */
  memorySize: number;
  /** Bytes of the binary. */
  imageSize: number;
  /** Guest-physical address of its first byte; 0x1000. */
  loadAddr?: bigint;
  /** Guest-physical address of the first instruction; the load address. */
  entry?: bigint;
}

/** A memory layout: guest-physical addresses. */
export interface FlatPlan {
  readonly mode: Mode;
  readonly loadAddr: bigint;
  readonly entry: bigint;
  readonly stackTop: bigint;
  /** The tables of the mode. */
  readonly tables: bigint;
}

/**
 * Plans where a flat binary, its stack and the tables of its mode go, before there is a VM.
 *
 * The tables are at the end of the memory below 3 GiB. The stack grows down from them; in real mode, from the end of
 * the first 64 KiB. A guest whose bytes reach its stack has to set up another one.
 *
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` that names what does not fit, and the limit; `ERR_KVM_INVALID_ARGUMENT` for a
 *   value of the wrong type and for an unknown option.
 */
export function planFlat(options: FlatOptions): FlatPlan {
  const {
    mode,
    memorySize,
    imageSize,
    loadAddr = defaultLoadAddress,
    entry = loadAddr,
  } = optionsOf(options, 'the options of planFlat', ['mode', 'memorySize', 'imageSize', 'loadAddr', 'entry']);
  integer(imageSize, 0, Number.MAX_SAFE_INTEGER, 'imageSize');
  // The limits depend on the mode and the memory.
  s64(loadAddr, 'loadAddr');
  s64(entry, 'entry');
  const end = lowMemoryEnd(memorySize);
  const tablesEnd = end - (end % BigInt(pageSize));
  const tables = tablesEnd - BigInt(tablesSize(mode));
  const imageLimit = tables < tablesEnd ? tables : end;
  if (imageSize === 0) throw outOfRange('the guest is empty');
  if (tables < 0n) {
    throw outOfRange(
      `${mode} mode needs ${tablesSize(mode)} bytes of memory for its tables, and the guest has ${memorySize}`,
    );
  }
  if (loadAddr < 0n || loadAddr >= end) {
    throw outOfRange(`the load address ${hex(loadAddr)} is outside memory, which ends at ${hex(end)}`);
  }
  if (loadAddr + BigInt(imageSize) > imageLimit) {
    const room = imageLimit > loadAddr ? imageLimit - loadAddr : 0n;
    const why = imageLimit < end ? `; the tables of ${mode} mode are at ${hex(tables)}` : '';
    throw outOfRange(
      `the guest of ${size(imageSize)} does not fit: ` +
        `there are ${size(room)} from the load address ${hex(loadAddr)} on${why}`,
    );
  }
  if (entry < 0n || entry >= addressLimit(mode)) {
    throw outOfRange(`the entry ${hex(entry)} is out of range: in ${mode} mode it is below ${hex(addressLimit(mode))}`);
  }
  const imageEnd = loadAddr + BigInt(imageSize);
  if (entry < loadAddr || entry >= imageEnd) {
    throw outOfRange(
      `the entry ${hex(entry)} is outside the guest, which is at ${hex(loadAddr)} to ${hex(imageEnd - 1n)}`,
    );
  }
  const stackLimit = addressLimit(mode);
  const stackTop = imageLimit < stackLimit ? imageLimit : stackLimit;
  return { mode, loadAddr, entry, stackTop, tables };
}

/**
 * Loads a flat binary as planned by `planFlat`, and sets the vCPU up to enter it. Long mode needs a vCPU whose CPUID
 * has it: call `vcpu.setCpuid2(kvm.getSupportedCpuid())` first.
 */
export function bootFlat(vcpu: Vcpu, memory: GuestMemory, image: Uint8Array, plan: FlatPlan): void {
  const { mode, loadAddr, entry, stackTop, tables } = optionsOf(plan, 'the plan of a flat guest', [
    'mode',
    'loadAddr',
    'entry',
    'stackTop',
    'tables',
  ]);
  checkMemory(memory);
  u64(loadAddr, 'loadAddr');
  memory.write(Number(loadAddr), image);
  enterMode(vcpu, mode, { memory, entry, stackTop, tables });
}

function outOfRange(message: string): KvmError {
  return new KvmError('ERR_KVM_OUT_OF_RANGE', message);
}

function size(bytes: number | bigint): string {
  return `${bytes} ${BigInt(bytes) === 1n ? 'byte' : 'bytes'}`;
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
