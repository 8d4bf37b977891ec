import { parentPort, workerData } from 'node:worker_threads';
import { EventFd, GuestMemory, KvmError, Vm } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import type { Device } from '../devices/device.js';
import type { InterruptLine } from '../devices/interrupt-line.js';
import { com1 } from '../devices/uart/uart.js';
import { GuestDma } from '../memory/guest-dma.js';
import { GuestRam } from '../memory/guest-ram.js';
import { ByteRing } from '../streams/byte-ring.js';
import type { VirtioEvents } from '../virtio/parts.js';
import { Board } from '../x86/board.js';
import { ioApic } from '../x86/devices/ioapic/ioapic.js';
import { connectLines, firstRoutes } from '../x86/interrupt-controllers.js';
import { Claims } from './claims.js';
import { Word } from './control.js';
import type { DeviceContext } from './device-context.js';
import { Devices } from './devices.js';
import { EventLoop } from './event-loop.js';
import { GsiRoutes } from './gsi-routes.js';
import { Mailbox, type Request } from './mailbox.js';
import type { DeviceOrder, DeviceReport } from './order.js';
import { now } from './vcpu-stats.js';
import { Wires } from './wires.js';

/** The thread that owns the devices of a machine: it answers the register accesses of all vCPUs. */

/** A driver polls a few times while it sets the port up or sends, and may drop input that it finds meanwhile. */
const firstPolls = 16;
/** A guest that has polled for input this often in a row waits for it: this thread sleeps then. */
const pollLimit = 256;
/** Milliseconds. Any request and any input end a sleep at once. */
const napTime = 10;
const shortestSleep = 1;
/** Milliseconds without a request after which a driver has set the port up: a FIFO that it turns on begins empty. */
const setUpTime = 100;

/** The register of COM1 that a guest writes its output to. */
const consolePort = Number(com1.start);

const order = workerData as DeviceOrder;
const { control, slots, claims, firstOutput } = order.shared;

function send(report: DeviceReport): void {
  parentPort?.postMessage(report);
}

class DeviceThread {
  readonly #vm = Vm.from(order.vm);
  readonly #memory = GuestMemory.from(order.memory);
  readonly #devices = new Devices();
  readonly #consoleIn = new ByteRing(order.serial.input);
  readonly #consoleOut = new ByteRing(order.serial.output);
  readonly #wake = EventFd.from(order.shared.wake);
  readonly #epoll = this.#vm.createEpoll();
  readonly #loop = new EventLoop(control, this.#epoll, this.#wake);
  readonly #routes = new GsiRoutes((routes) => this.#vm.setGsiRouting(routes), firstRoutes(order.board), ioApic.pins);
  readonly #wires = new Wires(this.#vm, this.#loop, order.board, this.#routes);
  readonly #mailboxes = Array.from({ length: order.cpus }, (_, index) => new Mailbox(slots, index));
  /** Views of the bytes of an MMIO access, by vCPU and length, so that an access allocates nothing. */
  readonly #views = this.#mailboxes.map(({ data }) =>
    Array.from({ length: 9 }, (_, length) => data.subarray(0, length)),
  );
  #board: Board | undefined;

  async run(): Promise<void> {
    const ram = new GuestRam(this.#memory);
    const line = connectLines(this.#vm, order.board, this.#devices, this.#routes);
    const board = new Board({
      hasPci: order.transport === 'pci',
      model: order.board,
      cpus: order.cpus,
      memorySize: this.#memory.size,
      devices: this.#devices,
      ram,
      line,
      output: (bytes) => this.#print(bytes),
      starved: (times) => this.#starve(times),
    });
    this.#board = board;
    for (const { url, data } of order.modules) {
      const context: DeviceContext = { data, ram, line, post: (message) => this.#post(message, added) };
      const added = this.#devices.add(await deviceOf(url, context));
    }
    if (order.transport === 'pci') await this.#addPci(board, line);
    await this.#addVirtio(board);
    if (order.states === undefined) {
      board.describe();
    } else {
      this.#devices.load(order.states);
      board.renew();
    }
    const added = Array.from(this.#devices);
    Claims.publish(
      added.map(({ ranges }) => ranges),
      claims,
      control,
    );
    send({ kind: 'ready', devices: added.map(({ name }) => name) });
    this.#serve();
    send({ kind: 'ended', outcome: this.#devices.outcome });
  }

  /** A machine without PCI does not load its code. */
  async #addPci(board: Board, line: (gsi: number) => InterruptLine): Promise<void> {
    const { PciSystem } = await import('../x86/pci-system.js');
    board.pci = new PciSystem({ devices: this.#devices, memorySize: this.#memory.size, line });
  }

  /** Their code is loaded where they are wanted. */
  async #addVirtio(board: Board): Promise<void> {
    if (order.virtio.length === 0) return;
    const [{ makeVirtioDevice }, { VirtioMmio }] = await Promise.all([
      import('../virtio/make-device.js'),
      import('../virtio/virtio-mmio.js'),
    ]);
    const dma = new GuestDma(this.#memory);
    const events: VirtioEvents = {
      output: (stream) => {
        firstOutput[0] ||= now();
        send({ kind: 'output', stream });
      },
      room: (stream) => send({ kind: 'room', stream }),
      balloon: () => send({ kind: 'balloon' }),
      readsConsole: () => Atomics.store(control, Word.GuestReads, 1),
    };
    const backend = selectBackend(order.memory.backend);
    const parts = { wires: this.#wires, memory: this.#memory, backend, events };
    for (const [index, plan] of order.virtio.entries()) {
      const device = await makeVirtioDevice(plan, `${plan.kind}${index}`, parts);
      if (board.pci === undefined) board.addVirtio(device, dma, this.#wires, VirtioMmio);
      else board.addVirtioPci(device, dma, this.#wires);
    }
  }

  /** What a Worker has open stays open when it ends. */
  close(): void {
    this.#wires.close();
    this.#epoll.close();
    this.#wake.close();
    this.#vm.close();
    this.#memory.close();
  }

  /** Sleeps until a vCPU, input or the end rings the bell, and looks at what there is. */
  #serve(): void {
    while (Atomics.load(control, Word.Quit) === 0) {
      this.#loop.look();
      // A guest that polls gets its input when it does.
      const isExpected = this.#board?.console.expectsInput === true && this.#consoleIn.available > 0;
      const isSetUp = this.#board?.console.isRead === true;
      if (isExpected && isSetUp) this.#feed();
      if (Atomics.exchange(control, Word.PowerButton, 0) !== 0) this.#board?.pressPowerButton();
      this.#loop.dispatch();
      for (let i = 0; i < this.#mailboxes.length; i++) this.#serveVcpu(i);
      const hold = Atomics.load(control, Word.Hold);
      if (hold % 2 !== 0) this.#hold(hold);
      if (isExpected && !isSetUp) this.#feedAfterSetUp();
      else this.#sleep();
    }
  }

  /** Saves the devices, and leaves them and the guest's memory alone until it may go on. No vCPU runs. */
  #hold(hold: number): void {
    this.#board?.hold();
    send({ kind: 'held', states: this.#devices.save() });
    while (Atomics.load(control, Word.Hold) === hold) Atomics.wait(control, Word.Hold, hold);
    // If the machine ends, its disks stay as they were saved.
    if (Atomics.load(control, Word.Stop) === 0) this.#board?.release();
  }

  /** Gives the guest its first input, once its driver has been quiet for a while. */
  #feedAfterSetUp(): void {
    if (this.#loop.sleep(setUpTime)) {
      this.#feed();
      this.#sleep();
    }
  }

  /** Sleeps until the bell rings, or a device has something to do. */
  #sleep(): void {
    // A guest may ask for thousands of interrupts a second, and gets as many as a thread can sleep for.
    const wait = this.#board?.msUntilUpdate ?? Number.POSITIVE_INFINITY;
    if (this.#loop.sleep(Math.max(shortestSleep, wait)) || wait <= 0) this.#board?.update();
  }

  #serveVcpu(index: number): void {
    const views = this.#views[index] as readonly Uint8Array[];
    (this.#mailboxes[index] as Mailbox).serve((request) => this.#answer(request, views));
  }

  #answer(request: Request, views: readonly Uint8Array[]): boolean | undefined {
    const { address, isWrite, size, count } = request;
    if (isWrite && request.isPio && this.#isFull(address, size * count)) return undefined;
    const { pio, mmio } = this.#devices;
    if (request.isPio) pio.access(address, size as 1 | 2 | 4, count, request.data, isWrite);
    else mmio.access(address, views[size] as Uint8Array, isWrite);
    if (this.#board?.console.isRead) Atomics.store(control, Word.GuestReads, 1);
    return this.#devices.outcome !== undefined;
  }

  /**
   * Whether a write to a port has to wait for a slow reader of the console. Only the vCPU that writes waits then. What
   * a machine that is being stopped writes is lost.
   */
  #isFull(port: number, count: number): boolean {
    if (port !== consolePort || this.#consoleOut.room >= count || Atomics.load(control, Word.Stop) !== 0) return false;
    return this.#consoleOut.sleepAsWriter(count);
  }

  #print(bytes: Uint8Array): void {
    firstOutput[0] ||= now();
    this.#consoleOut.write(bytes);
    if (this.#consoleOut.takeSleepingReader()) send({ kind: 'output', stream: order.serial.number });
  }

  /** Gives the guest the input that has arrived, as much as it takes now. */
  #feed(): void {
    const uart = this.#board?.console;
    const room = uart?.room ?? 0;
    if (room === 0 || this.#consoleIn.available === 0) return;
    uart?.push(this.#consoleIn.read(room));
    if (this.#consoleIn.takeSleepingWriter()) send({ kind: 'room', stream: order.serial.number });
  }

  /** The guest polls for input and there is none. */
  #starve(times: number): void {
    if (times <= firstPolls && this.#board?.console.isRead !== true) return;
    if (times > pollLimit) {
      Atomics.store(control, Word.GuestReads, 1);
      this.#loop.sleep(napTime);
    }
    this.#feed();
  }

  #post(message: unknown, { name }: Device): void {
    send({ kind: 'message', device: name, message });
  }
}

async function deviceOf(url: string, context: DeviceContext): Promise<Device> {
  const { device } = (await import(url)) as { device?: unknown };
  if (typeof device === 'function') return device(context) as Device;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${url} exports no function device`, {
    hint: 'export function device(context) { return new MyDevice(context.data); }',
  });
}

/** Reports an error, and has the vCPUs wait for no answer. */
function fail(error: unknown): void {
  for (let i = 0; i < order.cpus; i++) new Mailbox(slots, i).fail();
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  send({ kind: 'failed', error: error instanceof KvmError ? error.toJSON() : { name, message, stack } });
}

/** Serves the devices until the machine ends. */
export async function serveDevices(): Promise<void> {
  let thread: DeviceThread | undefined;
  try {
    thread = new DeviceThread();
    await thread.run();
  } catch (error) {
    fail(error);
  } finally {
    thread?.close();
  }
}
