import { KVM_APIC_REG_SIZE, KvmLapicState } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { integer, u32 } from '../../struct/check.js';

/** The registers of a local APIC, by the names and offsets that the processor manuals give them. */
export const LapicRegister = {
  /** The APIC id, in the high eight bits; in x2APIC mode all 32, where Cap.X2apicApi is enabled so. */
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
  /** The first of eight: vectors that are level-triggered. */
  Tmr: 0x180,
  /** The first of eight: vectors that wait. */
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

/** Bytes from one register to the next: each has 32 bits, and sixteen bytes for itself. */
const stride = 16;

/** The registers of a local APIC, as `vcpu.getLapic` gives them and `setLapic` takes them. */
export class Lapic extends KvmLapicState {
  /** A register, by its offset: of `LapicRegister`. */
  get(register: number): number {
    return this.view.getUint32(offsetOf(register), true);
  }

  /** Sets a register in this copy; `vcpu.setLapic` gives it to the vCPU. */
  set(register: number, value: number): void {
    this.view.setUint32(offsetOf(register), u32(value, 'the value of an APIC register'), true);
  }

  /** The vectors that are set in one of the three registers of 256 bits: `Isr`, `Tmr` or `Irr`. */
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
      `the offset of an APIC register is a multiple of ${stride}, not ${register}`,
    );
  }
  return register;
}
