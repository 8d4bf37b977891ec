import { type EventFd, KvmError, type Vm } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { ByteRing } from '../streams/byte-ring.js';
import { type ConsolePlan, type PortsPlan, packSize, type StreamPlan } from '../virtio/console/console-plan.js';
import { Console } from './console.js';
import type { Plan } from './options.js';

/** Bytes of each direction of a stream, a power of two. */
const ringSize = 2 ** 16;

/** The largest number of columns or rows. */
const mostCells = 0xffff;

/** The byte streams between a guest and the main thread: the serial port, the virtio console, the named ports. */
export class Streams {
  /** For the thread of the devices. */
  readonly serial: StreamPlan;
  /** The virtio devices that have the others. */
  readonly plans: readonly (ConsolePlan | PortsPlan)[];
  readonly #vm: Vm;
  readonly #eventfds: EventFd[] = [];
  /** By their numbers. */
  readonly #streams: Console[] = [];
  readonly #ports = new Map<string, Console>();
  readonly #console: Console;
  /** The size of the virtio console, and what tells the device of it; undefined if there is none. */
  readonly #size: { readonly word: Int32Array; ring(): void } | undefined;

  #hasEnded = false;

  /** @param ring rings the bell of the thread of the devices, for the serial port. */
  constructor(vm: Vm, plan: Pick<Plan, 'console' | 'ports'>, ring: () => void) {
    this.#vm = vm;
    this.serial = this.#add(ring);
    const plans: (ConsolePlan | PortsPlan)[] = [];
    if (plan.console === 'virtio') {
      const bell = this.#bell();
      this.#size = { word: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), ring: bell.ring };
      plans.push({ kind: 'console', stream: this.#add(bell.ring), size: this.#size.word, bell: bell.shared });
    }
    this.#console = this.#streams.at(-1) as Console;
    if (plan.ports.length > 0) {
      const bell = this.#bell();
      const ports = plan.ports.map((name) => {
        const stream = this.#add(bell.ring);
        // Nothing of a port is lost: the guest waits until somebody reads.
        this.#ports.set(name, this.#stream(stream.number).attach());
        return { name, stream };
      });
      plans.push({ kind: 'ports', ports, bell: bell.shared });
    }
    this.plans = plans;
  }

  /** That of the guest, read or not. */
  get console(): Console {
    return this.#console;
  }

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is no such port. */
  port(name: string): Console {
    const port = this.#ports.get(name);
    if (port !== undefined) return port;
    const known = [...this.#ports.keys()];
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this machine has no port ${JSON.stringify(name)}`, {
      hint: known.length > 0 ? `its ports: ${known.join(', ')}` : 'the option ports has the names of ports',
    });
  }

  /** @throws KvmError if the console has no size, or not such a one. */
  resize(columns: number, rows: number): void {
    if (this.#size === undefined) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a serial port has no size', { hint: "console: 'virtio'" });
    }
    for (const cells of [columns, rows]) integer(cells, 0, mostCells, 'the columns or rows of a console');
    if (this.#hasEnded) return;
    Atomics.store(this.#size.word, 0, packSize(columns, rows));
    this.#size.ring();
  }

  /** A stream whose reader waits has output. */
  wakeReader(stream: number): void {
    this.#stream(stream).wakeReader();
  }

  /** A stream whose writer waits has room for input. */
  wakeWriter(stream: number): void {
    this.#stream(stream).wakeWriter();
  }

  /** The machine has ended. */
  finish(): void {
    this.#hasEnded = true;
    for (const stream of this.#streams) stream.finish();
    for (const eventfd of this.#eventfds) eventfd.close();
  }

  #stream(number: number): Console {
    return this.#streams[number] as Console;
  }

  #add(ring: () => void): StreamPlan {
    const input = ByteRing.allocate(ringSize);
    const output = ByteRing.allocate(ringSize);
    const number = this.#streams.push(new Console(output, input, ring)) - 1;
    return { number, input: input.shared, output: output.shared };
  }

  #bell(): { shared: ConsolePlan['bell']; ring(): void } {
    const eventfd = this.#vm.createEventFd();
    this.#eventfds.push(eventfd);
    return { shared: eventfd.share(), ring: () => eventfd.write() };
  }
}
