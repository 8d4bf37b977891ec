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
 * The modes a vCPU can start in, all flat: a guest address is the physical one.
 * `real`: 16 bits, segments at 0. `protected`: 32 bits without paging. `long`: 64 bits, the first 4 GiB mapped to themselves.
 */
export type Mode = 'real' | 'protected' | 'long';

export const modes: readonly Mode[] = ['real', 'protected', 'long'];

/** Where things are in the guest: guest-physical addresses. */
export interface ModeSetup {
  /** The memory that the guest has from address 0 on: the tables of the mode are written there. */
  memory: GuestMemory;
  /** The first instruction. */
  entry: bigint;
  /** The stack grows down from here. */
  stackTop: bigint;
  /** Room for the tables that the mode needs: `tablesSize` bytes, whole pages, below 4 GiB. Real mode needs none. */
  tables?: bigint;
}

interface ModeFacts {
  /** The end of the addresses that an entry may have, and of those that a stack may have. */
  readonly addressLimit: bigint;
  /** Bytes of tables in the guest's memory. */
  readonly tablesSize: number;
}

const facts: Readonly<Record<Mode, ModeFacts>> = {
  real: { addressLimit: 0x1_0000n, tablesSize: 0 },
  protected: { addressLimit: 0x1_0000_0000n, tablesSize: pageSize },
  long: { addressLimit: 0x1_0000_0000n, tablesSize: identityMapSize + pageSize },
};

/** Bytes of guest memory, whole pages, that the tables of a mode take: descriptors, and in long mode page tables. */
export function tablesSize(mode: Mode): number {
  return factsOf(mode).tablesSize;
}

/** The first guest-physical address that code of a mode cannot be entered at. */
export function addressLimit(mode: Mode): bigint {
  return factsOf(mode).addressLimit;
}

/**
 * Puts a vCPU into a flat mode at an entry point, with interrupts off and all general-purpose registers but RIP and RSP zero. An
 * exception shuts the guest down, until it loads an interrupt table of its own; in real mode the table is at 0, as at reset.
 * x87 and, in protected and long mode, SSE are ready for use.
 *
 * Long mode wants `vcpu.setCpuid2` before: hosts with AMD's processors refuse it to a vCPU whose CPUID does not have it.
 *
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` or `ERR_KVM_INVALID_ARGUMENT` for an address that the mode cannot have; neither the
 *   vCPU nor its memory has changed then. `ERR_KVM_SYSCALL` with EINVAL for a mode that the vCPU's CPUID lacks.
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
  // A full 64 KiB stack starts at 0: the first push wraps to its end.
  const rsp = mode === 'real' ? stackTop & 0xffffn : stackTop;
  vcpu.setRegs({ rip: entry, rsp, rflags: Rflags.Fixed });
}

/** The setup, checked; the address of the tables is 0 in real mode. */
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
  // Closed memory is found out before the vCPU is touched.
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
