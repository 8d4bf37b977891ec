import type { ByteSource } from '../../boot/byte-source.js';

export const bootProtocols = ['bzimage', 'pvh', 'elf64', 'multiboot'] as const;

/** How a kernel is entered. */
export type BootProtocol = (typeof bootProtocols)[number];

/** A kernel, and what it is given. */
export interface LinuxImage {
  /** A bzImage, an ELF file, a multiboot kernel, or one of the last two compressed by gzip, zstd or LZ4. */
  readonly kernel: ByteSource;
  /** The first RAM disk: any bytes. */
  readonly initrd?: ByteSource | undefined;
  /** The command line; empty. */
  readonly cmdline?: string | undefined;
  /** Further modules, after the initrd: for PVH and multiboot. */
  readonly modules?: readonly BootModule[] | undefined;
}

export interface BootModule {
  readonly source: ByteSource;
  readonly cmdline?: string | undefined;
}

/** The machine that a kernel finds. */
export interface BootEnvironment {
  /** Bytes of the guest's memory, which `mapRam` maps. */
  readonly memorySize: number;
  /** Guest-physical address of the ACPI tables' root pointer (RSDP). Without it the kernel searches below 1 MiB. */
  readonly rsdp?: bigint | undefined;
  /** Forces a protocol; by default the image decides. */
  readonly protocol?: BootProtocol | undefined;
  /** What bzImage and 64-bit ELF kernels find in the list of `struct setup_data`, such as a seed for random numbers. */
  readonly setupData?: readonly SetupDataItem[] | undefined;
}

/** A `struct setup_data`: a `SETUP_*` type of `@kvm/vmm/abi/bootparam`, and its bytes. */
export interface SetupDataItem {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Bytes to load. */
export interface BootSegment {
  /** What it is, for errors: "the initrd". */
  readonly name: string;
  /** Guest-physical address of the first byte. */
  readonly addr: bigint;
  /** The number of bytes from the source. */
  readonly size: number;
  /** The number of bytes that it takes in memory; those beyond `size` are zero at the start. */
  readonly room: bigint;
  readonly source: ByteSource;
  /** Where in the source they begin. */
  readonly offset: number;
}

/** The state in which a vCPU enters the kernel. Interrupts are off; other general-purpose registers are zero. */
export interface BootEntry {
  /** `protected`: 32 bits, without paging. `long`: 64 bits, the first 4 GiB identity-mapped. */
  readonly mode: 'protected' | 'long';
  /** Guest-physical address of the first instruction. */
  readonly rip: bigint;
  readonly rax: bigint;
  readonly rbx: bigint;
  readonly rsi: bigint;
}

/** What `boot` carries out. No two segments overlap, and all lie in RAM. */
export interface BootPlan {
  readonly protocol: BootProtocol;
  readonly memorySize: number;
  /** The kernel, the initrd, and the structures that a boot loader makes. */
  readonly segments: readonly BootSegment[];
  readonly entry: BootEntry;
}
