/** The registers and commands of an 8042, as IBM's PC AT programs it. */

/** Bits of the status register. */
export const Status = {
  OutputFull: 0x01,
  System: 0x04,
  Command: 0x08,
  Unlocked: 0x10,
  Aux: 0x20,
  Timeout: 0x40,
} as const;

/** Bits of the command byte. */
export const Control = {
  KeyboardInterrupt: 0x01,
  System: 0x04,
  KeyboardOff: 0x10,
  AuxOff: 0x20,
  Translate: 0x40,
} as const;

/** Commands that take a byte, which is written to the data port next. */
export const Command = {
  WriteControl: 0x60,
  WriteOutputPort: 0xd1,
  LoopKeyboard: 0xd2,
  LoopAux: 0xd3,
  WriteAux: 0xd4,
} as const;
export const withData: ReadonlySet<number> = new Set(Object.values(Command));

/** Commands that only answer. */
export const answers: ReadonlyMap<number, number> = new Map([
  // Test of the second port: its clock line is stuck. Linux takes this for "there is no such port".
  [0xa9, 0x02],
  // Self test: passed.
  [0xaa, 0x55],
  // Test of the first port: its lines are right.
  [0xab, 0x00],
  // Input port: the keyboard is not locked.
  [0xc0, 0x80],
  // Output port: no reset, A20 enabled.
  [0xd0, 0x03],
]);

/** What a controller puts in place of the answer of a device that is not there, with `Status.Timeout`: "resend". */
export const noDevice = 0xfe;

/** The bits of the status register that are no copy of another register. */
export const statusBits: number = Status.OutputFull | Status.Command | Status.Aux | Status.Timeout;
