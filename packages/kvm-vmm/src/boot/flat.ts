import { type GuestMemory, KvmError, pageSize, type Vcpu } from '@kvm/core';
import { integer, optionsOf, s64, u64 } from '@kvm/core/struct';
import { addressLimit, enterMode, type Mode, tablesSize } from '@kvm/core/x86';
import { guestMemory, lowMemoryEnd } from './memory-map.js';

/** Where a flat binary is put when nobody says where. */
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

/** Where everything goes: guest-physical addresses. */
export interface FlatPlan {
  readonly mode: Mode;
  readonly loadAddr: bigint;
  readonly entry: bigint;
  readonly stackTop: bigint;
  /** The mode's tables. */
  readonly tables: bigint;
}

/**
 * Works out where a flat binary, its stack and the tables of its mode go, before there is a VM.
 *
 * The tables take the end of the memory below 3 GiB. The stack grows down from there; in real mode from the end of the first
 * 64 KiB. It is the guest's business to keep it away from its own bytes.
 *
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` that names what does not fit, and the limit; `ERR_KVM_INVALID_ARGUMENT` for a value of
 *   the wrong type and for an option that does not exist.
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
  // What else they may be depends on the mode and the memory.
  s64(loadAddr, 'loadAddr');
  s64(entry, 'entry');
  const end = lowMemoryEnd(memorySize);
  const tablesEnd = end - (end % BigInt(pageSize));
  const tables = tablesEnd - BigInt(tablesSize(mode));
  const imageEnd = tables < tablesEnd ? tables : end;
  if (imageSize === 0) throw outOfRange('the guest is empty');
  if (tables < 0n) {
    throw outOfRange(`${mode} mode keeps ${tablesSize(mode)} bytes of tables in memory, which has ${memorySize} bytes`);
  }
  if (loadAddr < 0n || loadAddr >= end) {
    throw outOfRange(`the load address ${hex(loadAddr)} is outside of memory, which ends at ${hex(end)}`);
  }
  if (loadAddr + BigInt(imageSize) > imageEnd) {
    const room = imageEnd > loadAddr ? imageEnd - loadAddr : 0n;
    const why = imageEnd < end ? `; ${mode} mode has its tables at ${hex(tables)}` : '';
    throw outOfRange(
      `the guest of ${size(imageSize)} does not fit: memory has room for ${size(room)} from the load address ${hex(loadAddr)} on${why}`,
    );
  }
  if (entry < 0n || entry >= addressLimit(mode)) {
    throw outOfRange(`${mode} mode can be entered below ${hex(addressLimit(mode))} only, not at ${hex(entry)}`);
  }
  const imageStop = loadAddr + BigInt(imageSize);
  if (entry < loadAddr || entry >= imageStop) {
    throw outOfRange(
      `the entry ${hex(entry)} is not in the guest, which lies from ${hex(loadAddr)} to ${hex(imageStop - 1n)}`,
    );
  }
  const stackLimit = addressLimit(mode);
  const stackTop = imageEnd < stackLimit ? imageEnd : stackLimit;
  return { mode, loadAddr, entry, stackTop, tables };
}

/**
 * Puts a flat binary into memory and the vCPU in front of its entry, as `planFlat` has it. For long mode the vCPU's CPUID has
 * to have it: `vcpu.setCpuid2(kvm.getSupportedCpuid())` first.
 */
export function bootFlat(vcpu: Vcpu, memory: GuestMemory, image: Uint8Array, plan: FlatPlan): void {
  const { mode, loadAddr, entry, stackTop, tables } = optionsOf(plan, 'the plan of a flat guest', [
    'mode',
    'loadAddr',
    'entry',
    'stackTop',
    'tables',
  ]);
  guestMemory(memory);
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
