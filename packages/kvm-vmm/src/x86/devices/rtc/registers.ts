/** The registers of an MC146818 and their bits, by the names of its data sheet, and the bytes of a PC's CMOS memory. */

export const cmosSize = 128;

/** Offsets in the CMOS memory. */
export const Cmos = {
  RegisterA: 0x0a,
  RegisterB: 0x0b,
  RegisterC: 0x0c,
  RegisterD: 0x0d,
  /** KiB below 640 KiB, two bytes. */
  BaseMemory: 0x15,
  /** KiB from 1 MiB on, up to 65535, two bytes; and again, as the firmware found it. */
  ExtendedMemory: 0x17,
  ExtendedMemoryFound: 0x30,
  /** Units of 64 KiB from 16 MiB to 4 GiB, two bytes. */
  MemoryAbove16MiB: 0x34,
  /** Units of 64 KiB from 4 GiB on, three bytes. */
  MemoryAbove4GiB: 0x5b,
} as const;

/** Update in progress; the divider, of which 0x20 runs a clock of 32,768 Hz; the rate of the periodic interrupt. */
export const RegisterA = { Uip: 0x80, Divider: 0x70, DividerReset: 0x60, Running: 0x20, Rate: 0x0f } as const;

/** SET stops the updates. The bits of the interrupts are those of register C. */
export const RegisterB = { Set: 0x80, Interrupts: 0x70, Binary: 0x04, Hours24: 0x02 } as const;

/** Interrupt request, and its causes: periodic, alarm, update ended. */
export const RegisterC = { Irqf: 0x80, Pf: 0x40, Af: 0x20, Uf: 0x10, Flags: 0x70 } as const;

/** Valid RAM and time: the battery has not failed. */
export const RegisterD = { Vrt: 0x80 } as const;
