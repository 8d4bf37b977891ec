/** The words that the threads of a machine share. Each is changed by Atomics. */
export const Word = {
  /** Counts what the device thread has to look at: see `Bell`. */
  Bell: 0,
  /** One of `Gate`: the vCPUs wait for it before they enter the guest. */
  Gate: 1,
  /** Changes with each order to the vCPUs: they are to stand still while it is odd. */
  Pause: 2,
  /** 1 when the device thread is to end. */
  Quit: 3,
  /** 1 once the guest has read from its console, or waits for input. */
  GuestReads: 4,
  /** The number of ranges in `Shared.claims`. */
  Claims: 5,
  /** 1 while the machine is being stopped: nothing waits for the program any more. */
  Stop: 6,
  /** 1 when the power button was pressed. */
  PowerButton: 7,
  /** 1 while the device thread sleeps, or is about to. */
  Asleep: 8,
  /** The value of `Pause` with which the vCPUs are to send their states. */
  SaveVcpus: 9,
  /** Changes with each order to the device thread: it is to save its devices and to stand still while it is odd. */
  Hold: 10,
} as const;

export const words = 11;

export const Gate = { Closed: 0, Open: 1, Cancelled: 2 } as const;
