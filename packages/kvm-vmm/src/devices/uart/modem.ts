import { Mcr, Msr } from './registers.js';

/** The lines of a modem that is connected and ready. */
const connected = Msr.Cts | Msr.Dsr | Msr.Dcd;
const lines = Msr.Cts | Msr.Dsr | Msr.Ri | Msr.Dcd;

/** The modem registers of a 16550. */
export class Modem {
  #control = 0;
  #status: number = connected;

  /** The modem control register. */
  get control(): number {
    return this.#control;
  }

  get loopback(): boolean {
    return (this.#control & Mcr.Loopback) !== 0;
  }

  /** In loopback, the outputs of the control register are connected to the inputs of the status register. */
  setControl(value: number): void {
    this.#control = value & Mcr.All;
    const now = this.loopback ? looped(this.#control) : connected;
    const changed = (this.#status ^ now) & lines;
    let deltas = this.#status & 0x0f;
    if ((changed & Msr.Cts) !== 0) deltas |= Msr.DeltaCts;
    if ((changed & Msr.Dsr) !== 0) deltas |= Msr.DeltaDsr;
    if ((changed & Msr.Dcd) !== 0) deltas |= Msr.DeltaDcd;
    // The ring indicator reports its trailing edge only.
    if ((changed & this.#status & Msr.Ri) !== 0) deltas |= Msr.TrailingEdgeRi;
    this.#status = now | deltas;
  }

  /** Whether a line has changed since the status was last read. */
  get changed(): boolean {
    return (this.#status & 0x0f) !== 0;
  }

  /** The modem status register, whose delta bits reading clears. */
  takeStatus(): number {
    const status = this.#status;
    this.#status &= lines;
    return status;
  }

  /** The status register as it is: reading it this way clears nothing. */
  get status(): number {
    return this.#status;
  }

  load(control: number, status: number): void {
    this.#control = control;
    this.#status = status;
  }
}

function looped(control: number): number {
  let status = 0;
  if ((control & Mcr.Rts) !== 0) status |= Msr.Cts;
  if ((control & Mcr.Dtr) !== 0) status |= Msr.Dsr;
  if ((control & Mcr.Out1) !== 0) status |= Msr.Ri;
  if ((control & Mcr.Out2) !== 0) status |= Msr.Dcd;
  return status;
}
