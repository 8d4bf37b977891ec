/**
 * Bits of the control registers, and segment types, for `getSregs` and `setSregs`. The names are those of the processor
 * manuals. The kernel's headers do not define them.
 */

/** CR0. */
export const Cr0 = {
  /** Protection enable: protected mode. */
  Pe: 1n << 0n,
  /** Monitor coprocessor. */
  Mp: 1n << 1n,
  /** Emulation: no x87. */
  Em: 1n << 2n,
  /** Task switched. */
  Ts: 1n << 3n,
  /** Extension type: always 1. */
  Et: 1n << 4n,
  /** Numeric error: x87 errors raise #MF. */
  Ne: 1n << 5n,
  /** Write protect: read-only pages are read-only for the supervisor too. */
  Wp: 1n << 16n,
  /** Alignment mask. */
  Am: 1n << 18n,
  /** Not write-through. */
  Nw: 1n << 29n,
  /** Cache disable. */
  Cd: 1n << 30n,
  /** Paging. */
  Pg: 1n << 31n,
} as const;

/** CR4. */
export const Cr4 = {
  /** Page size extensions: 4 MiB pages in 32-bit paging. */
  Pse: 1n << 4n,
  /** Physical address extension: 64-bit page-table entries. */
  Pae: 1n << 5n,
  /** Page global enable. */
  Pge: 1n << 7n,
  /** FXSAVE and FXRSTOR: the operating system supports SSE. */
  Osfxsr: 1n << 9n,
  /** Unmasked SIMD exceptions raise #XM. */
  Osxmmexcpt: 1n << 10n,
  /** Five-level paging. */
  La57: 1n << 12n,
  /** XSAVE and extended states. */
  Osxsave: 1n << 18n,
} as const;

/** The MSR EFER. */
export const Efer = {
  /** SYSCALL enable. */
  Sce: 1n << 0n,
  /** Long mode enable. */
  Lme: 1n << 8n,
  /** Long mode active: enabled, and paging is on. */
  Lma: 1n << 10n,
  /** No-execute enable. */
  Nxe: 1n << 11n,
} as const;

/** RFLAGS. */
export const Rflags = {
  /** Bit 1, which is always 1. */
  Fixed: 1n << 1n,
  /** Interrupt enable. */
  If: 1n << 9n,
} as const;

/** Entries of page tables. */
export const PageFlag = {
  /** Present. */
  P: 1n << 0n,
  /** Writable. */
  Rw: 1n << 1n,
  /** Page size: the entry maps a large page instead of pointing to a table. */
  Ps: 1n << 7n,
} as const;

/** The `type` of a segment. */
export const SegmentType = {
  /** Data, readable and writable, accessed. */
  Data: 0x3,
  /** Code, executable and readable, accessed. */
  Code: 0xb,
  /** A task-state segment in use, of 32 or 64 bits. */
  BusyTss: 0xb,
} as const;
