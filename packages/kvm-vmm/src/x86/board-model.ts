import { KvmError } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';

/**
 * What the guest finds:
 *
 * - `'pc'`: what Linux expects, with ACPI tables
 * - `'test'`: what the unit tests of KVM expect: a PC with full ACPI, `TestDevice`, fw_cfg and QEMU's debug-exit port
 * - `'bare'`: a serial port and the debug-exit port
 */
export type MachineKind = 'pc' | 'test' | 'bare';

/**
 * Which interrupt controllers the machine has:
 *
 * - `'kernel'`: those of a PC, in the kernel: local APICs, I/O APIC, PICs
 * - `'split'`: local APICs in the kernel, an I/O APIC in the thread of the devices, no PICs
 * - `'none'`: none, so that HLT ends the guest
 */
export type Interrupts = 'kernel' | 'split' | 'none';

/** The configuration that a guest finds by QEMU's fw_cfg. */
export interface FwCfgFiles {
  /** Further files by their names, `opt/org.example/config`: bytes, or a text. */
  files?: Readonly<Record<string, Uint8Array | string>>;
}

/** The options of a machine that say which board the guest runs on. */
export interface BoardModelOptions {
  /** `'pc'` for kernels, `'bare'` for flat guests. */
  machine?: MachineKind;
  /** `'kernel'` for kernels and for all machines but `'bare'`, else `'none'`. */
  interrupts?: Interrupts;
  /**
   * `'reduced'`: hardware-reduced ACPI, without a PIT. `'full'`: ACPI with its fixed registers, SCI and PM timer, and
   * with `interrupts: 'kernel'` a PIT. Default: `'full'` for the machine `'test'`, else `'reduced'`.
   */
  acpi?: 'reduced' | 'full';
  /**
   * What the debug-exit port makes of a value: `'raw'`, the status, or `'qemu'`, the status `(value << 1) | 1`.
   * Default: `'qemu'` for the machine `'test'`, else `'raw'`.
   */
  debugExit?: 'raw' | 'qemu';
  /** Adds fw_cfg at port 0x510. The machine `'test'` has it always. */
  fwCfg?: FwCfgFiles;
}

/** A checked board. */
export interface BoardModel {
  readonly machine: MachineKind;
  readonly interrupts: Interrupts;
  readonly acpi: 'reduced' | 'full';
  readonly debugExit: 'raw' | 'qemu';
  readonly fwCfg: { readonly files: Readonly<Record<string, Uint8Array>> } | undefined;
}

export const boardOptions = ['machine', 'interrupts', 'acpi', 'debugExit', 'fwCfg'] as const;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for options that are none, or do not go together. */
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
  oneOf(machine, ['pc', 'test', 'bare'], 'machine');
  oneOf(interrupts, ['kernel', 'split', 'none'], 'interrupts');
  oneOf(acpi, ['reduced', 'full'], 'acpi');
  oneOf(debugExit, ['raw', 'qemu'], 'debugExit');
  if (bootType === 'linux' && interrupts === 'none') throw invalid('a kernel needs interrupt controllers');
  if (!isBare && interrupts === 'none') throw invalid(`the machine ${machine} has interrupt controllers`);
  if (isBare && options.acpi !== undefined) throw invalid('the machine bare has no ACPI');
  return { machine, interrupts, acpi, debugExit, fwCfg: fwCfg && filesOf(fwCfg) };
}

function filesOf(fwCfg: FwCfgFiles): BoardModel['fwCfg'] {
  const { files = {} } = optionsOf(fwCfg, 'fwCfg of a Machine', ['files']);
  if (typeof files !== 'object' || files === null) throw invalid('the files of fwCfg must be an object');
  const bytes = Object.entries(files).map(
    ([name, file]) => [name, typeof file === 'string' ? Buffer.from(file) : file] as const,
  );
  return { files: Object.fromEntries(bytes) };
}

function oneOf(value: string, known: readonly string[], what: string): void {
  if (known.includes(value)) return;
  const names = known.map((each) => `'${each}'`);
  throw invalid(`${what} must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`);
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
