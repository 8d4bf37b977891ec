import { GuestDebug, KVM_ARM_MAX_DBG_REGS, type KvmGuestDebug } from '../../abi/arm64/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { list, oneOf, u64 } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import type { StructInit } from '../../struct/struct.js';

/** A hardware breakpoint or watchpoint. */
export interface HardwareBreakpoint {
  /** A virtual address of the guest: that of an instruction, or a multiple of `length`. */
  address: bigint;
  /** The access that stops the guest, before it happens; 'access' is a read or a write; default 'execute'. */
  on?: 'execute' | 'read' | 'write' | 'access';
  /** The number of bytes to watch, except for 'execute'; default 1. */
  length?: 1 | 2 | 4 | 8;
}

/** The options of `vcpu.setGuestDebug`. */
export interface GuestDebugOptions {
  /** Stop after each instruction. */
  singleStep?: boolean;
  /** Stop at these. Cap.GuestDebugHwBps and Cap.GuestDebugHwWps are the limits of breakpoints and watchpoints. */
  breakpoints?: readonly HardwareBreakpoint[];
  /** Stop at BRK, which the debugger has written over instructions, instead of raising an exception in the guest. */
  softwareBreakpoints?: boolean;
}

/** The load/store field of a watchpoint's control register. A breakpoint's has none. */
const conditions = { execute: 0b00n, read: 0b01n, write: 0b10n, access: 0b11n } as const;
const lengths: Readonly<Record<number, number>> = { 1: 1, 2: 2, 4: 4, 8: 8 };

const enable = 1n;
/** At EL0 and EL1. */
const everywhere = 0b11n << 1n;
const instructionBytes = 0b1111n;
const firstCondition = 3n;
const firstByte = 5n;
const doubleword = 8n;

/** The argument of KVM_SET_GUEST_DEBUG. */
export function guestDebug(options: GuestDebugOptions): StructInit<KvmGuestDebug> {
  const {
    singleStep,
    softwareBreakpoints,
    breakpoints: wanted = [],
  } = optionsOf(options, 'what to debug', ['singleStep', 'softwareBreakpoints', 'breakpoints']);
  const breakpoints = list(wanted, 'breakpoints').map(registers);
  const execution = breakpoints.filter(({ executes }) => executes);
  const data = breakpoints.filter(({ executes }) => !executes);
  const asked =
    (singleStep ? GuestDebug.SingleStep : 0) |
    (softwareBreakpoints ? GuestDebug.UseSwBp : 0) |
    (breakpoints.length > 0 ? GuestDebug.UseHw : 0);
  return {
    control: asked === 0 ? 0 : asked | GuestDebug.Enable,
    arch: {
      dbgBcr: controls(execution, 'breakpoints'),
      dbgBvr: execution.map(({ value }) => value),
      dbgWcr: controls(data, 'watchpoints'),
      dbgWvr: data.map(({ value }) => value),
    },
  };
}

interface Registers {
  executes: boolean;
  control: bigint;
  value: bigint;
}

function registers(breakpoint: HardwareBreakpoint, i: number): Registers {
  const { address, on = 'execute', length = 1 } = optionsOf(breakpoint, `breakpoint ${i}`, ['address', 'on', 'length']);
  const condition = oneOf(conditions, on, `the kind of access of breakpoint ${i}`);
  const bytes = oneOf(lengths, length, `the length of breakpoint ${i}`);
  const executes = on === 'execute';
  if (executes && bytes !== 1) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a breakpoint on execution takes no length');
  }
  const unit = executes ? 4n : BigInt(bytes);
  if (u64(address, `the address of breakpoint ${i}`) % unit !== 0n) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the address of breakpoint ${i} must be a multiple of ${unit}`);
  }
  const within = executes ? 0n : address % doubleword;
  const selected = executes ? instructionBytes : ((1n << BigInt(bytes)) - 1n) << within;
  return {
    executes,
    control: enable | everywhere | (condition << firstCondition) | (selected << firstByte),
    value: address - within,
  };
}

function controls(some: readonly Registers[], what: string): bigint[] {
  if (some.length > KVM_ARM_MAX_DBG_REGS) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `at most ${KVM_ARM_MAX_DBG_REGS} ${what} are possible, not ${some.length}`,
    );
  }
  return some.map(({ control }) => control);
}
