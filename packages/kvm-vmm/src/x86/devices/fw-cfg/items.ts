import { KvmError } from '@kvm/core';
import { bigInteger, integer } from '@kvm/core/struct';

/** Selector keys, by the names of include/uapi/linux/qemu_fw_cfg.h. */
export const Key = {
  Signature: 0x00,
  Id: 0x01,
  RamSize: 0x03,
  NbCpus: 0x05,
  KernelSize: 0x08,
  InitrdSize: 0x0b,
  MaxCpus: 0x0f,
  KernelData: 0x11,
  InitrdData: 0x12,
  CmdlineSize: 0x14,
  CmdlineData: 0x15,
  FileDir: 0x19,
  FileFirst: 0x20,
  /** Keys of QEMU's generic items are below. */
  End: 0x4000,
} as const;

/** The feature bit of the selector and data ports. That of the DMA interface is not set. */
const traditional = 0x01;

/** Bytes of a name in the directory, with the zero at its end, and of an entry. */
const nameLength = 56;
const entryLength = 64;

export interface FwCfgItems {
  /** CPUs that run at the start; 1. */
  cpus?: number;
  /** CPUs that there may be; `cpus`. */
  maxCpus?: number;
  /** Bytes of RAM; 0. */
  ramSize?: bigint;
  /** The image of a kernel for the firmware to boot. */
  kernel?: Uint8Array;
  initrd?: Uint8Array;
  /** Its command line. */
  cmdline?: string;
  /** Further items by their names, of up to 55 ASCII characters: `opt/org.example/config`. */
  files?: Readonly<Record<string, Uint8Array>>;
}

/** The content of each item by its key. Numbers are little-endian, those in the directory of files big-endian. */
export function itemsOf(options: FwCfgItems): ReadonlyMap<number, Uint8Array> {
  const { cpus = 1, maxCpus = cpus, ramSize = 0n, kernel, initrd, cmdline, files = {} } = options;
  integer(cpus, 1, 0xffff, 'cpus');
  integer(maxCpus, cpus, 0xffff, 'maxCpus');
  bigInteger(ramSize, 0n, 0xffff_ffff_ffff_ffffn, 'ramSize');
  const items = new Map<number, Uint8Array>([
    [Key.Signature, Buffer.from('QEMU')],
    [Key.Id, littleEndian(traditional, 4)],
    [Key.RamSize, littleEndian(ramSize, 8)],
    [Key.NbCpus, littleEndian(cpus, 2)],
    [Key.MaxCpus, littleEndian(maxCpus, 2)],
  ]);
  const addBlob = (size: number, data: number, bytes: Uint8Array | undefined, what: string): void => {
    if (bytes === undefined) return;
    items.set(size, littleEndian(checkedBytes(bytes, what).length, 4));
    items.set(data, bytes);
  };
  addBlob(Key.KernelSize, Key.KernelData, kernel, 'kernel');
  addBlob(Key.InitrdSize, Key.InitrdData, initrd, 'initrd');
  addBlob(Key.CmdlineSize, Key.CmdlineData, cmdline === undefined ? undefined : zeroTerminated(cmdline), 'cmdline');
  addFiles(items, files);
  return items;
}

function addFiles(items: Map<number, Uint8Array>, files: Readonly<Record<string, Uint8Array>>): void {
  if (typeof files !== 'object' || files === null) throw invalid('files must be an object of Uint8Arrays by name');
  const entries = Object.entries(files);
  integer(entries.length, 0, Key.End - Key.FileFirst, 'the number of files');
  const directory = Buffer.alloc(4 + entries.length * entryLength);
  directory.writeUInt32BE(entries.length);
  for (const [i, [name, bytes]] of entries.entries()) {
    if (!/^[\x21-\x7e]+$/.test(name) || name.length >= nameLength) {
      throw invalid(`the name of a file must have 1 to ${nameLength - 1} printable ASCII characters: ${name}`);
    }
    const entry = 4 + i * entryLength;
    directory.writeUInt32BE(checkedBytes(bytes, `the file ${name}`).length, entry);
    directory.writeUInt16BE(Key.FileFirst + i, entry + 4);
    directory.write(name, entry + 8, 'latin1');
    items.set(Key.FileFirst + i, bytes);
  }
  items.set(Key.FileDir, directory);
}

function littleEndian(value: number | bigint, size: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.subarray(0, size);
}

function zeroTerminated(text: string): Uint8Array {
  if (typeof text !== 'string' || text.includes('\0')) throw invalid('cmdline must be a string without zeros');
  return Buffer.from(`${text}\0`);
}

function checkedBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw invalid(`${what} must be a Uint8Array`);
  integer(bytes.length, 0, 0xffff_ffff, `the length of ${what}`);
  return bytes;
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
