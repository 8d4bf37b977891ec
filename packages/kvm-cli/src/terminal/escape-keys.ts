const ctrlA = 0x01;
const ctrlC = 0x03;

/** A command to kvm-cli. */
export type Command =
  /** Ctrl-C: goes to the guest, or ends the run. */
  | 'interrupt'
  /** Ctrl-A x */
  | 'quit'
  /** Ctrl-A h */
  | 'help';

const commands: Readonly<Record<string, Command>> = { x: 'quit', h: 'help' };

/** Printed by Ctrl-A h. */
export const keysHelp = `
Ctrl-A x       end the run
Ctrl-A h       print this help
Ctrl-A Ctrl-A  send Ctrl-A to the guest
Ctrl-C         interrupt: goes to a guest that reads its console, ends the run otherwise
`;

/** Separates commands to kvm-cli from the keys for the guest. The keys are those of QEMU's console. */
export class EscapeKeys {
  #escaped = false;

  /** Returns bytes for the guest and commands, in the order of the keys. An unknown key after Ctrl-A is dropped. */
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
