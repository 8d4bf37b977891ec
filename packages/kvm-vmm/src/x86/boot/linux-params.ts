import { KvmError } from '@kvm/core';
import { u64 } from '@kvm/core/struct';
import { BootE820Entry, BootParams, E820_RAM, SetupData, type SetupHeader } from '../../abi/bootparam/index.js';
import type { ByteSource } from '../../boot/byte-source.js';
import { doesNotFit } from '../../boot/image-error.js';
import { encodeCommandLine } from './command-line.js';
import { type Layout, Structures } from './layout.js';
import type { BootEnvironment, LinuxImage, SetupDataItem } from './plan.js';

/** The loader's id for one without an assigned number, boot.rst `type_of_loader`. */
const undefinedLoader = 0xff;

/** What a kernel lets the loader do. */
export interface LinuxLimits {
  /** Bytes of the command line, without its terminator. */
  readonly cmdlineSize: number;
  /** The address below which the initrd must end. */
  readonly initrdEnd: bigint;
}

/**
 * Adds what the 64-bit protocol passes to Linux: the initrd, the command line, the `setup_data` list, and the zero page
 * (`struct boot_params`) with the kernel's own setup header. Documentation/arch/x86/boot.rst and zero-page.rst.
 */
export function addLinuxParams(
  layout: Layout,
  header: SetupHeader,
  { initrd, cmdline = '', modules = [] }: LinuxImage,
  { rsdp = 0n, setupData = [] }: BootEnvironment,
  { cmdlineSize, initrdEnd }: LinuxLimits,
): void {
  if (modules.length > 0) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'modules are for PVH and multiboot; Linux takes one initrd');
  }
  const limit = Math.min(cmdlineSize, Number(Structures.setupData - Structures.commandLines) - 1);
  layout.addStructure('the command line', Structures.commandLines, encodeCommandLine(cmdline, limit));

  const params = new BootParams();
  params.hdr = header;
  params.acpiRsdpAddr = u64(rsdp, 'rsdp');
  const { hdr } = params;
  hdr.typeOfLoader = undefinedLoader;
  hdr.cmdLinePtr = Number(Structures.commandLines);
  hdr.setupData = addSetupData(layout, setupData);
  setInitrd(params, layout, initrd, initrdEnd);
  params.e820Entries = layout.ram.length;
  for (const [i, { start, end }] of layout.ram.entries()) {
    const entry = BootE820Entry.from({ addr: start, size: end - start, type: E820_RAM });
    (params.e820Table[i] as BootE820Entry).assign(entry);
  }
  layout.addStructure('the zero page', Structures.info, params.bytes);
}

/** Addresses and sizes beyond 4 GiB have their upper halves in fields of their own. */
function setInitrd(params: BootParams, layout: Layout, initrd: ByteSource | undefined, end: bigint): void {
  const addr = initrd === undefined ? 0n : layout.addBelow(end, 'the initrd', initrd);
  const size = BigInt(initrd?.size ?? 0);
  params.hdr.ramdiskImage = Number(addr & 0xffff_ffffn);
  params.extRamdiskImage = Number(addr >> 32n);
  params.hdr.ramdiskSize = Number(size & 0xffff_ffffn);
  params.extRamdiskSize = Number(size >> 32n);
}

/** Adds a linked list, and returns the address of its first element; 0 for an empty one. */
function addSetupData(layout: Layout, items: readonly SetupDataItem[]): bigint {
  let addr: bigint = Structures.setupData;
  for (const [i, { type, data }] of items.entries()) {
    if (!(data instanceof Uint8Array))
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'setup data must be a Uint8Array');
    const size = BigInt(SetupData.size + data.length);
    // Each begins at a multiple of 8.
    const next = (addr + size + 7n) & ~7n;
    if (next > Structures.end) throw doesNotFit('the setup data is longer than 64 KiB');
    const item = SetupData.from({ next: i + 1 < items.length ? next : 0n, type, len: data.length, data });
    layout.addStructure('setup data', addr, item.bytes);
    addr = next;
  }
  return items.length === 0 ? 0n : Structures.setupData;
}
