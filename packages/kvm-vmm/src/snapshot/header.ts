import { KvmError } from '@kvm/core';
import type { MachineDocument } from '../machine/document.js';
import type { DeviceStates } from '../machine/order.js';
import type { HostFiles } from './host-files.js';

/** The file of a snapshot's folder that names the others. It is written last. */
export const headerFile = 'snapshot.json';

const format = 'kvm-snapshot';
/** A reader refuses another one. */
const version = 1;

/** A file of a snapshot. */
export interface Part {
  /** Its name in the folder. */
  readonly file: string;
  readonly size: number;
  /** Of its bytes; of the memory, of its pages that are not zero: see `memory-image.ts`. */
  readonly sha256: string;
}

/** What `snapshot.json` has. */
export interface Header {
  /** The machine, as `Machine.create` takes it, without what belongs to the host alone. */
  readonly machine: MachineDocument & { readonly memory: number };
  /** The processors and what KVM has of the VM: a document of `SavedState`. */
  readonly state: Part;
  readonly memory: Part;
  readonly devices: DeviceStates;
  /** The files that the devices use. */
  readonly host: HostFiles;
}

export function headerText(header: Header): string {
  return `${JSON.stringify({ format, version, created: new Date().toISOString(), ...header }, undefined, 2)}\n`;
}

/**
 * Parses `snapshot.json`. The states of devices are for the devices to check, and the machine for `checkMachine`.
 *
 * @throws KvmError `ERR_KVM_STATE` for anything that is no such header.
 */
export function parseHeader(text: string): Header {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw broken(`${headerFile} is no JSON: ${(cause as Error).message.replaceAll(/\s+/g, ' ')}`, cause);
  }
  if (!isObject(value) || value['format'] !== format) throw broken(`${headerFile} is not that of a snapshot`);
  if (value['version'] !== version) {
    throw broken(`this snapshot has version ${shown(value['version'])}, and this package reads version ${version}`);
  }
  const { machine, state, memory, devices, host } = value;
  const isWhole =
    isObject(machine) &&
    Number.isSafeInteger(machine['memory']) &&
    isPart(state) &&
    isPart(memory) &&
    isObject(devices) &&
    isObject(host) &&
    isList(host['disks']) &&
    isList(host['shares']);
  if (!isWhole) throw broken(`${headerFile} is damaged: it lacks a part`);
  if (memory.size !== machine['memory']) throw broken(`${headerFile} is damaged: its sizes of the memory differ`);
  return { machine, state, memory, devices, host } as unknown as Header;
}

/** The error for a snapshot that cannot be used. */
export function broken(message: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_STATE', message, { cause });
}

function isPart(value: unknown): value is Part {
  if (!isObject(value)) return false;
  const { file, size, sha256 } = value;
  return (
    typeof file === 'string' &&
    // A file of the folder, and no other.
    /^[a-z]+-[0-9a-f]+$/.test(file) &&
    Number.isSafeInteger(size) &&
    (size as number) > 0 &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 32) ?? 'none';
}
