const ctrlA = 0x01;
const ctrlC = 0x03;

/** What a key asks of kvm-cli. */
export type Command =
  /** Ctrl-C: the guest's, or the end of the run. */
  | 'interrupt'
  /** Ctrl-A x */
  | 'quit'
  /** Ctrl-A h */
  | 'help';

const commands: Readonly<Record<string, Command>> = { x: 'quit', h: 'help' };

/** What Ctrl-A h prints. */
export const keysHelp = `
Ctrl-A x       end the run
Ctrl-A h       print this help
Ctrl-A Ctrl-A  send Ctrl-A to the guest
Ctrl-C         to a guest that reads its serial port; ends the run of one that does not
`;

/** Tells the keys of a terminal that are commands from those that are the guest's, as QEMU's console does. */
export class EscapeKeys {
  #escaped = false;

  /** In the order of the keys: bytes for the guest, and commands. Another key after Ctrl-A is dropped with it. */
  take(keys: Uint8Array): (Uint8Array | Command)[] {
    const parts: (Uint8Array | Command)[] = [];
    let plain: number[] = [];
    const command = (name: Command): void => {
      if (plain.length > 0) parts.push(Uint8Array.from(plain));
      plain = [];
      parts.push(name);
    };
    for (const key of keys) {
      if (this.#escaped) {
        this.#escaped = false;
        const name = commands[String.fromCharCode(key)];
        if (name !== undefined) command(name);
        else if (key === ctrlA) plain.push(key);
      } else if (key === ctrlA) {
        this.#escaped = true;
      } else if (key === ctrlC) {
        command('interrupt');
      } else {
        plain.push(key);
      }
    }
    if (plain.length > 0) parts.push(Uint8Array.from(plain));
    return parts;
  }
}
