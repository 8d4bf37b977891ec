/** The registers of a 16550 and their bits, by the names of its data sheet. */

/** Offsets of the registers from the first port. With DLAB set, the first two are the divisor. */
export const Register = {
  /** Reads: the receive buffer. Writes: the transmit holding register. With DLAB: the divisor's low byte. */
  Data: 0,
  /** Interrupt enable. With DLAB: the divisor's high byte. */
  Ier: 1,
  /** Reads: interrupt identification. */
  Iir: 2,
  /** Writes: FIFO control. */
  Fcr: 2,
  /** Line control. */
  Lcr: 3,
  /** Modem control. */
  Mcr: 4,
  /** Line status. */
  Lsr: 5,
  /** Modem status. */
  Msr: 6,
  /** Scratch. */
  Scr: 7,
} as const;

/** Interrupt enable: one bit for each source. */
export const Ier = { Received: 0x01, TransmitterEmpty: 0x02, LineStatus: 0x04, ModemStatus: 0x08 } as const;

/** Interrupt identification: the source of the highest priority. The top bits say whether the FIFOs are enabled. */
export const Iir = {
  ModemStatus: 0x00,
  None: 0x01,
  TransmitterEmpty: 0x02,
  Received: 0x04,
  LineStatus: 0x06,
  /** There are fewer bytes than the trigger level, and none has arrived for some time. */
  CharacterTimeout: 0x0c,
  FifosEnabled: 0xc0,
} as const;

/** FIFO control. The top two bits select the trigger level. */
export const Fcr = { Enable: 0x01, ClearReceiver: 0x02, Trigger: 0xc0 } as const;

/** How many received bytes raise an interrupt, by the trigger bits of FIFO control. */
export const triggerLevels = [1, 4, 8, 14] as const;

/** Line control: with DLAB set, the divisor replaces the first two registers. */
export const Lcr = { Dlab: 0x80 } as const;

/** Modem control. */
export const Mcr = { Dtr: 0x01, Rts: 0x02, Out1: 0x04, Out2: 0x08, Loopback: 0x10, All: 0x1f } as const;

/** Line status. */
export const Lsr = { DataReady: 0x01, Overrun: 0x02, TransmitterHoldingEmpty: 0x20, TransmitterEmpty: 0x40 } as const;

/** Modem status: the lines, and in the low half which of them have changed since it was last read. */
export const Msr = {
  DeltaCts: 0x01,
  DeltaDsr: 0x02,
  TrailingEdgeRi: 0x04,
  DeltaDcd: 0x08,
  Cts: 0x10,
  Dsr: 0x20,
  Ri: 0x40,
  Dcd: 0x80,
} as const;
