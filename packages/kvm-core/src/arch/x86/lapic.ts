import { KVM_APIC_REG_SIZE, KvmLapicState } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { integer, u32 } from '../../struct/check.js';

/** The registers of a local APIC: their names and offsets in the processor manuals. */
export const LapicRegister = {
  /** The APIC id, in the high eight bits; in all 32 bits in x2APIC mode with Cap.X2apicApi enabled for 32-bit ids. */
  Id: 0x20,
  Version: 0x30,
  /** Task priority. */
  Tpr: 0x80,
  /** Arbitration priority. */
  Apr: 0x90,
  /** Processor priority. */
  Ppr: 0xa0,
  /** End of interrupt. */
  Eoi: 0xb0,
  /** Remote read. */
  Rrd: 0xc0,
  /** Logical destination. */
  Ldr: 0xd0,
  /** Destination format. */
  Dfr: 0xe0,
  /** Spurious-interrupt vector; bit 8 turns the APIC on. */
  Svr: 0xf0,
  /** The first of eight: vectors in service. */
  Isr: 0x100,
  /** The first of eight: level-triggered vectors. */
  Tmr: 0x180,
  /** The first of eight: requested vectors. */
  Irr: 0x200,
  /** Errors. */
  Esr: 0x280,
  LvtCmci: 0x2f0,
  /** Interrupt command. */
  IcrLow: 0x300,
  IcrHigh: 0x310,
  LvtTimer: 0x320,
  LvtThermal: 0x330,
  LvtPerformance: 0x340,
  LvtLint0: 0x350,
  LvtLint1: 0x360,
  LvtError: 0x370,
  TimerInitialCount: 0x380,
  TimerCurrentCount: 0x390,
  TimerDivide: 0x3e0,
} as const;

export type LapicRegister = (typeof LapicRegister)[keyof typeof LapicRegister];

/** Bytes from one register to the next. Each register has 32 bits. */
const stride = 16;

/** The registers of a local APIC, for `vcpu.getLapic` and `vcpu.setLapic`. */
export class Lapic extends KvmLapicState {
  /** A register, by its offset from `LapicRegister`. */
  get(register: number): number {
    return this.view.getUint32(offsetOf(register), true);
  }

  /** Sets a register in this copy. `vcpu.setLapic` applies the copy to the vCPU. */
  set(register: number, value: number): void {
    this.view.setUint32(offsetOf(register), u32(value, 'the value of an APIC register'), true);
  }

  /** The vectors whose bits are set in one of the three 256-bit registers: `Isr`, `Tmr` or `Irr`. */
  vectors(register: typeof LapicRegister.Isr | typeof LapicRegister.Tmr | typeof LapicRegister.Irr): number[] {
    const { Isr, Tmr, Irr } = LapicRegister;
    if (register !== Isr && register !== Tmr && register !== Irr) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'only the registers Isr, Tmr and Irr hold vectors');
    }
    const isSet = (vector: number): boolean =>
      ((this.get(register + (vector >> 5) * stride) >>> (vector & 31)) & 1) === 1;
    return Array.from({ length: 256 }, (_, vector) => vector).filter(isSet);
  }
}

function offsetOf(register: number): number {
  integer(register, 0, KVM_APIC_REG_SIZE - stride, 'the offset of an APIC register');
  if (register % stride !== 0) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `the offset of an APIC register must be a multiple of ${stride}, not ${register}`,
    );
  }
  return register;
}
