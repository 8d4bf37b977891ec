import type { KvmSregs } from '../../abi/x86/structs.js';
import { KvmError } from '../../errors/kvm-error.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { pageSize } from '../../memory/page-size.js';
import { bigInteger } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import type { StructInit } from '../../struct/struct.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { isGuestMemory } from '../../vm/memory.js';
import { identityMap, identityMapSize } from './paging.js';
import { Cr0, Cr4, Efer, Rflags } from './registers.js';
import { code32, code64, data, descriptorTable, realCode, realData, type Segment, task } from './segments.js';
import type { Vcpu } from './vcpu/vcpu.js';

/**
 * The modes a vCPU can start in. All are flat: a guest address is the physical address. `real`: 16 bits, segments at 0.
 * `protected`: 32 bits without paging. `long`: 64 bits, the first 4 GiB identity-mapped.
 */
export type Mode = 'real' | 'protected' | 'long';

export const modes: readonly Mode[] = ['real', 'protected', 'long'];

/** The memory and the guest-physical addresses that a mode needs. */
export interface ModeSetup {
  /** The guest's memory from address 0 on. The tables of the mode are written to it. */
  memory: GuestMemory;
  /** The address of the first instruction. */
  entry: bigint;
  /** The stack grows down from this address. */
  stackTop: bigint;
  /** The address of the tables: `tablesSize` bytes, whole pages, below 4 GiB. Real mode needs none. */
  tables?: bigint;
}

interface ModeFacts {
  /** The limit of entry points (exclusive) and of stack tops (inclusive). */
  readonly addressLimit: bigint;
  /** Bytes of tables in the guest's memory. */
  readonly tablesSize: number;
}

const facts: Readonly<Record<Mode, ModeFacts>> = {
  real: { addressLimit: 0x1_0000n, tablesSize: 0 },
  protected: { addressLimit: 0x1_0000_0000n, tablesSize: pageSize },
  long: { addressLimit: 0x1_0000_0000n, tablesSize: identityMapSize + pageSize },
};

/** The size of a mode's tables in bytes, whole pages: descriptors, and in long mode page tables. */
export function tablesSize(mode: Mode): number {
  return factsOf(mode).tablesSize;
}

/** The first guest-physical address that cannot be an entry point in a mode. */
export function addressLimit(mode: Mode): bigint {
  return factsOf(mode).addressLimit;
}

/**
 * Puts a vCPU into a flat mode at an entry point. Interrupts are off, and all general-purpose registers except RIP and
 * RSP are zero. In real mode the interrupt table is at 0, as at reset; in the other modes an exception shuts the guest
 * down until it loads an interrupt table. x87 and, in protected and long mode, SSE are ready for use.
 *
 * Call `vcpu.setCpuid2` before entering long mode: AMD hosts refuse it if the vCPU's CPUID lacks it.
 *
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` or `ERR_KVM_INVALID_ARGUMENT` for an address that the mode cannot have; the
 *   vCPU and its memory are then unchanged. `ERR_KVM_SYSCALL` with EINVAL for a mode that the vCPU's CPUID lacks.
 */
export function enterMode(vcpu: Vcpu, mode: Mode, setup: ModeSetup): void {
  if (!(vcpu instanceof GenericVcpu)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'enterMode takes a vCPU');
  const { memory, entry, stackTop, tables } = checkSetup(mode, setup);
  const sregs = vcpu.getSregs();
  switch (mode) {
    case 'real':
      sregs.assign(realMode());
      break;
    case 'protected':
      sregs.assign(protectedMode(tables));
      memory.write(Number(tables), descriptorTable(code32, data));
      break;
    case 'long':
      sregs.assign(longMode(tables));
      memory.write(Number(tables), identityMap(tables));
      memory.write(Number(tables) + identityMapSize, descriptorTable(code64, data));
      break;
  }
  vcpu.setSregs(sregs);
  // For a stack of 64 KiB, SP starts at 0: the first push wraps around.
  const rsp = mode === 'real' ? stackTop & 0xffffn : stackTop;
  vcpu.setRegs({ rip: entry, rsp, rflags: Rflags.Fixed });
}

/** Checks the setup. The address of the tables is 0 in real mode. */
function checkSetup(mode: Mode, setup: ModeSetup): Required<ModeSetup> {
  const { memory, entry, stackTop, tables } = optionsOf(setup, 'the setup of a mode', [
    'memory',
    'entry',
    'stackTop',
    'tables',
  ]);
  isGuestMemory(memory);
  const { addressLimit, tablesSize } = factsOf(mode);
  bigInteger(entry, 0n, addressLimit - 1n, `the entry point in ${mode} mode`);
  bigInteger(stackTop, 0n, addressLimit, `the top of the stack in ${mode} mode`);
  if (tablesSize === 0) return { memory, entry, stackTop, tables: 0n };
  if (tables === undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${mode} mode needs tables: ${tablesSize} bytes of guest memory`);
  }
  const room = Math.min(memory.size, Number(addressLimit));
  if (room < tablesSize) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `the tables of ${mode} mode take ${tablesSize} bytes, and the guest memory has ${memory.size}`,
    );
  }
  bigInteger(tables, 0n, BigInt(room - tablesSize), `the address of the ${tablesSize} bytes of tables`);
  if (tables % BigInt(pageSize) !== 0n) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `the tables must start at a page of ${pageSize} bytes, not at ${tables}`,
    );
  }
  // Throws for closed memory before the vCPU is changed.
  memory.read(Number(tables), 0);
  return { memory, entry, stackTop, tables };
}

function factsOf(mode: Mode): ModeFacts {
  if (typeof mode !== 'string' || !Object.hasOwn(facts, mode)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `there is no mode ${typeof mode === 'string' ? JSON.stringify(mode) : typeof mode}: ${modes.join(', ')}`,
    );
  }
  return facts[mode];
}

function realMode(): StructInit<KvmSregs> {
  return {
    ...segments(realCode, realData),
    cr0: Cr0.Et,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
    gdt: { base: 0n, limit: 0 },
    idt: { base: 0n, limit: 0x3ff },
  };
}

function protectedMode(tables: bigint): StructInit<KvmSregs> {
  return {
    ...segments(code32, data),
    cr0: Cr0.Pe | Cr0.Mp | Cr0.Et | Cr0.Ne,
    cr3: 0n,
    cr4: Cr4.Osfxsr | Cr4.Osxmmexcpt,
    efer: 0n,
    gdt: { base: tables, limit: descriptorTable(code32, data).length - 1 },
    idt: { base: 0n, limit: 0 },
  };
}

function longMode(tables: bigint): StructInit<KvmSregs> {
  return {
    ...segments(code64, data),
    cr0: Cr0.Pe | Cr0.Mp | Cr0.Et | Cr0.Ne | Cr0.Pg,
    cr3: tables,
    cr4: Cr4.Pae | Cr4.Osfxsr | Cr4.Osxmmexcpt,
    efer: Efer.Lme | Efer.Lma,
    gdt: { base: tables + BigInt(identityMapSize), limit: descriptorTable(code64, data).length - 1 },
    idt: { base: 0n, limit: 0 },
  };
}

function segments(code: Segment, rest: Segment): StructInit<KvmSregs> {
  const each = { ...rest, unusable: 0 };
  return {
    cs: { ...code, unusable: 0 },
    ds: each,
    es: each,
    fs: each,
    gs: each,
    ss: each,
    tr: { ...task, unusable: 0 },
  };
}
