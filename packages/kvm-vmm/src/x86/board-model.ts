import { KvmError } from '@kvm/core';
import type { MachineDocument } from '../machine/document.js';

/** The options of a machine that say which board the guest runs on. */
export type BoardModelOptions = Pick<MachineDocument, 'machine' | 'interrupts' | 'acpi' | 'debugExit' | 'fwCfg'>;

type Chosen<K extends keyof BoardModelOptions> = NonNullable<BoardModelOptions[K]>;

/** A checked board. */
export interface BoardModel {
  readonly machine: Chosen<'machine'>;
  readonly interrupts: Chosen<'interrupts'>;
  readonly acpi: Chosen<'acpi'>;
  readonly debugExit: Chosen<'debugExit'>;
  readonly fwCfg: { readonly files: Readonly<Record<string, Uint8Array>> } | undefined;
}

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for options that do not go together. */
export function boardOf(options: BoardModelOptions, bootType: 'linux' | 'flat'): BoardModel {
  const { machine = bootType === 'flat' ? 'bare' : 'pc' } = options;
  const isTest = machine === 'test';
  const isBare = machine === 'bare';
  const {
    interrupts = isBare && bootType === 'flat' ? 'none' : 'kernel',
    acpi = isTest ? 'full' : 'reduced',
    debugExit = isTest ? 'qemu' : 'raw',
    fwCfg = isTest ? {} : undefined,
  } = options;
  if (bootType === 'linux' && interrupts === 'none') throw invalid('a kernel needs interrupt controllers');
  if (!isBare && interrupts === 'none') throw invalid(`the machine ${machine} has interrupt controllers`);
  if (isBare && options.acpi !== undefined) throw invalid('the machine bare has no ACPI');
  return { machine, interrupts, acpi, debugExit, fwCfg: fwCfg && filesOf(fwCfg) };
}

function filesOf({ files = {} }: Chosen<'fwCfg'>): BoardModel['fwCfg'] {
  const bytes = Object.entries(files).map(
    ([name, file]) => [name, typeof file === 'string' ? Buffer.from(file) : file] as const,
  );
  return { files: Object.fromEntries(bytes) };
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
