import { Mcr, Msr } from './registers.js';

/** What a modem that is there and ready shows on its lines. */
const connected = Msr.Cts | Msr.Dsr | Msr.Dcd;
const lines = Msr.Cts | Msr.Dsr | Msr.Ri | Msr.Dcd;

/** The modem's side of a 16550: control, status, and what has changed since the last look. */
export class Modem {
  #control = 0;
  #status: number = connected;

  get control(): number {
    return this.#control;
  }

  get loopback(): boolean {
    return (this.#control & Mcr.Loopback) !== 0;
  }

  /** In loopback the lines of the control register come back as those of the status register. */
  setControl(value: number): void {
    this.#control = value & Mcr.All;
    const now = this.loopback ? looped(this.#control) : connected;
    const changed = (this.#status ^ now) & lines;
    let deltas = this.#status & 0x0f;
    if ((changed & Msr.Cts) !== 0) deltas |= Msr.DeltaCts;
    if ((changed & Msr.Dsr) !== 0) deltas |= Msr.DeltaDsr;
    if ((changed & Msr.Dcd) !== 0) deltas |= Msr.DeltaDcd;
    // Of the ring indicator only its end counts.
    if ((changed & this.#status & Msr.Ri) !== 0) deltas |= Msr.TrailingEdgeRi;
    this.#status = now | deltas;
  }

  get changed(): boolean {
    return (this.#status & 0x0f) !== 0;
  }

  /** The status register; looking at it forgets what has changed. */
  takeStatus(): number {
    const status = this.#status;
    this.#status &= lines;
    return status;
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
