import type { KvmGuestDebug } from '../../abi/x86/index.js';
import { GuestDebug } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { boolean, list, oneOf, u64 } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';
import type { StructInit } from '../../struct/struct.js';

/** A hardware breakpoint: one of the debug registers. */
export interface HardwareBreakpoint {
  /** A linear address of the guest, a multiple of `length`. */
  address: bigint;
  /**
   * The kind of access that stops the guest: 'execute' before the instruction, 'write' after a write, 'access' after a
   * read or a write; default 'execute'.
   */
  on?: 'execute' | 'write' | 'access';
  /** The number of bytes to watch, for 'write' and 'access'; default 1. */
  length?: 1 | 2 | 4 | 8;
}

/** The options of `vcpu.setGuestDebug`. */
export interface GuestDebugOptions {
  /** Stop after each instruction. */
  singleStep?: boolean;
  /** Stop at these breakpoints, at most four. */
  breakpoints?: readonly HardwareBreakpoint[];
  /** Stop at INT3, which the debugger has written over instructions (0xcc), instead of raising #BP in the guest. */
  softwareBreakpoints?: boolean;
  /** Block interrupts while stepping. Supported if the value of Cap.SetGuestDebug2 has `GuestDebug.BlockIrq`. */
  blockIrq?: boolean;
  /** Inject an exception into the guest: #DB, or #BP for an INT3 at RIP that is not a breakpoint of the debugger. */
  inject?: 'debug' | 'breakpoint';
}

const conditions = { execute: 0b00n, write: 0b01n, access: 0b11n } as const;
/** Length 8 was added last and has the code that was free. */
const lengths: Readonly<Record<number, bigint>> = { 1: 0b00n, 2: 0b01n, 4: 0b11n, 8: 0b10n };
const injections = { debug: GuestDebug.InjectDb, breakpoint: GuestDebug.InjectBp } as const;

/** Bit 10 is always 1. LE and GE, bits 8 and 9, make data breakpoints exact on old processors; the value sets GE. */
const dr7Base = 0x600n;
const DR7 = 7;
const registers = 4;

/** The argument of KVM_SET_GUEST_DEBUG. */
export function guestDebug(options: GuestDebugOptions): StructInit<KvmGuestDebug> {
  const {
    singleStep = false,
    breakpoints: wanted = [],
    softwareBreakpoints = false,
    blockIrq = false,
    inject,
  } = optionsOf(options, 'what to debug', ['singleStep', 'breakpoints', 'softwareBreakpoints', 'blockIrq', 'inject']);
  const breakpoints = list(wanted, 'breakpoints');
  if (breakpoints.length > registers) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the processor has ${registers} breakpoints, not ${breakpoints.length}`);
  }
  const asked =
    (boolean(singleStep, 'singleStep') ? GuestDebug.SingleStep : 0) |
    (boolean(softwareBreakpoints, 'softwareBreakpoints') ? GuestDebug.UseSwBp : 0) |
    (breakpoints.length > 0 ? GuestDebug.UseHwBp : 0) |
    (boolean(blockIrq, 'blockIrq') ? GuestDebug.BlockIrq : 0) |
    (inject === undefined ? 0 : oneOf(injections, inject, 'what to inject'));
  return {
    control: asked === 0 ? 0 : asked | GuestDebug.Enable,
    arch: { debugReg: debugRegisters(breakpoints) },
  };
}

function debugRegisters(breakpoints: readonly HardwareBreakpoint[]): BigUint64Array {
  const debugReg = new BigUint64Array(DR7 + 1);
  let control = breakpoints.length > 0 ? dr7Base : 0n;
  for (const [i, breakpoint] of breakpoints.entries()) {
    const {
      address,
      on = 'execute',
      length = 1,
    } = optionsOf(breakpoint, `breakpoint ${i}`, ['address', 'on', 'length']);
    const condition = oneOf(conditions, on, `the kind of access of breakpoint ${i}`);
    const code = oneOf(lengths, length, `the length of breakpoint ${i}`);
    if (on === 'execute' && length !== 1) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a breakpoint on execution must have length 1');
    }
    if (u64(address, `the address of breakpoint ${i}`) % BigInt(length) !== 0n) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the address of breakpoint ${i} must be a multiple of its length`);
    }
    debugReg[i] = address;
    const enable = 0b10n << BigInt(2 * i);
    control |= enable | ((condition | (code << 2n)) << BigInt(16 + 4 * i));
  }
  debugReg[DR7] = control;
  return debugReg;
}
