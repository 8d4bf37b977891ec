/** What a trace tells about a boot. Times are in seconds of the monotonic clock. */
export interface Boot {
  readonly firstEntry: number;
  /** When the guest wrote the first byte of the mark to its serial port. */
  readonly init: number;
  /** Exits until then, by the kernel's names of their reasons. */
  readonly exits: Readonly<Record<string, number>>;
  /** Accesses to ports and addresses until then, as "port 0x3f8" or "page 0xfec00000". */
  readonly accesses: Readonly<Record<string, number>>;
}

/** An event: `qemu-1234 [000] d..1. 12.345678: kvm_exit: reason ...`. */
const event = /\s(\d+\.\d+): (kvm_\w+): (.*)$/;
const serialPort = 0x3f8;

/**
 * Reads the text of a trace.
 *
 * @param mark the code of the character with which init begins. Nothing writes it to the serial port before.
 * @throws Error when the guest never entered or never wrote the mark.
 */
export function readTrace(text: string, mark: number): Boot {
  const exits: Record<string, number> = {};
  const accesses: Record<string, number> = {};
  let firstEntry: number | undefined;
  for (const line of text.split('\n')) {
    const [, time, name, rest = ''] = event.exec(line) ?? [];
    if (name === 'kvm_entry') firstEntry ??= Number(time);
    else if (name === 'kvm_exit') count(exits, /reason (\S+)/.exec(rest)?.[1]);
    else if (name === 'kvm_mmio') count(accesses, pageOf(rest));
    else if (name === 'kvm_pio') {
      const [, kind, port, value] = /^pio_(read|write) at (0x\w+) .* val (0x\w+)/.exec(rest) ?? [];
      count(accesses, port && `port ${port}`);
      const isMark = kind === 'write' && Number(port) === serialPort && Number(value) === mark;
      if (isMark && firstEntry !== undefined) return { firstEntry, init: Number(time), exits, accesses };
    }
  }
  throw new Error(firstEntry === undefined ? 'the guest was never entered' : 'the guest never started its init');
}

/** `mmio write len 4 gpa 0xfec00000 val 0x0`. What the kernel answers itself is `kvm_mmio`, too. */
function pageOf(text: string): string | undefined {
  const address = /gpa (0x\w+)/.exec(text)?.[1];
  return address && `page 0x${(BigInt(address) & ~0xfffn).toString(16)}`;
}

function count(counts: Record<string, number>, name: string | undefined): void {
  if (name !== undefined && name !== '') counts[name] = (counts[name] ?? 0) + 1;
}
