import { KvmError } from '@kvm/core';
import type { NameOf } from '../machine/check-schema.js';
import type { MachineDocument } from '../machine/document.js';

/** What a guest runs on, with all that a document may leave out. */
export interface BoardModel {
  readonly machine: NonNullable<MachineDocument['machine']>;
  readonly interrupts: NonNullable<MachineDocument['interrupts']>;
  readonly acpi: NonNullable<MachineDocument['acpi']>;
  readonly debugExit: NonNullable<MachineDocument['debugExit']>;
  /** The files of fw_cfg by their names; without it, there is no fw_cfg. */
  readonly fwCfg: Readonly<Record<string, Uint8Array>> | undefined;
}

/**
 * Completes the board of a document whose values are checked one by one.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for values that do not go together.
 */
export function boardOf(document: MachineDocument, name: NameOf): BoardModel {
  const isFlat = document.boot.type === 'flat';
  const { machine = isFlat ? 'bare' : 'pc' } = document;
  const isTest = machine === 'test';
  const isBare = machine === 'bare';
  const {
    interrupts = isBare && isFlat ? 'none' : 'kernel',
    acpi = isTest ? 'full' : 'reduced',
    debugExit = isTest ? 'qemu' : 'raw',
    fwCfg = isTest ? {} : undefined,
  } = document;
  if (!isFlat && interrupts === 'none') throw invalid(`${name('interrupts')}: a kernel needs interrupt controllers`);
  if (!isBare && interrupts === 'none') {
    throw invalid(`${name('interrupts')}: the machine '${machine}' has interrupt controllers`);
  }
  if (isBare && document.acpi !== undefined) throw invalid(`${name('acpi')}: the machine 'bare' has no ACPI`);
  return { machine, interrupts, acpi, debugExit, fwCfg: fwCfg && filesOf(fwCfg, name) };
}

function filesOf({ files = [] }: NonNullable<MachineDocument['fwCfg']>, name: NameOf): BoardModel['fwCfg'] {
  const all: Record<string, Uint8Array> = {};
  for (const [i, file] of files.entries()) {
    if (Object.hasOwn(all, file.name)) {
      throw invalid(`${name(`fwCfg.files[${i}].name`)}: there is another file ${file.name}`);
    }
    all[file.name] = typeof file.content === 'string' ? Buffer.from(file.content) : file.content;
  }
  return all;
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
