import { type Exit, ExitReason, type HandlerContext, type Handlers, unrecognised, type Vcpu, type Vm } from '@kvm/core';
import { type AccessSize, setValueAt, valueAt } from '../bus/registers.js';
import type { Outcome } from '../devices/outcome.js';
import { describeExit } from '../run/describe-exit.js';
import { outcomeOf } from '../run/outcome-of.js';
import { tellOfPause } from '../x86/cpu/tell-of-pause.js';
import { ioApic } from '../x86/devices/ioapic/ioapic.js';
import { Bell, wakeOf } from './bell.js';
import { Claims } from './claims.js';
import { Gate, Word } from './control.js';
import { ExitFilter } from './exit-filter.js';
import { Mailbox } from './mailbox.js';
import type { VcpuData, VcpuMessage } from './order.js';
import { type SharedStats, VcpuStats } from './vcpu-stats.js';

/** The types that the main thread and the vCPUs' threads exchange: those of `vm.start`. */
export interface VcpuTypes {
  data: VcpuData;
  message: VcpuMessage;
  /** How the guest ended the machine; undefined if a device knows. */
  result: Outcome | undefined;
}

type Context = HandlerContext<Vm, Vcpu, VcpuTypes>;

/** One vCPU in its thread: the thread of the devices answers register accesses, this one those without a device. */
class VcpuThread {
  readonly #context: Context;
  readonly #control: Int32Array;
  readonly #mailbox: Mailbox;
  readonly #claims: Claims;
  readonly #stats: VcpuStats;
  readonly #trace: ExitFilter | undefined;

  constructor(context: Context) {
    const { vcpu, data } = context;
    const { control, wake, slots, claims } = data.shared;
    const bell = new Bell(control, wakeOf(wake));
    this.#context = context;
    this.#control = control;
    this.#mailbox = new Mailbox(slots, vcpu.id, () => bell.ring());
    this.#claims = new Claims(claims, control);
    this.#stats = new VcpuStats(data.stats[vcpu.id] as SharedStats);
    if (data.trace !== undefined) this.#trace = new ExitFilter(data.trace);
  }

  begin(isRestored: boolean): void {
    if (isRestored) tellOfPause(this.#context.vcpu);
    this.#context.post('started');
    this.#stats.begin();
  }

  handle(exit: Exit): void {
    this.#stats.exits.add(exit.reason === unrecognised ? exit.exitReason : exit.reason);
    this.#answer(exit);
    if (this.#trace?.takes(exit) === true) this.#context.post({ trace: describeExit(exit) });
  }

  #answer(exit: Exit): void {
    switch (exit.reason) {
      case ExitReason.Io:
        this.#io(exit.io);
        break;
      case ExitReason.Mmio:
        this.#mmio(exit.mmio);
        break;
      case ExitReason.Intr:
        this.#interrupted();
        break;
      case ExitReason.IoapicEoi:
        this.#endInterrupt(exit.eoi.vector);
        break;
      default:
        this.#end(outcomeOf(this.#context.vcpu, exit));
    }
  }

  #io(io: Extract<Exit, { reason: typeof ExitReason.Io }>['io']): void {
    const { port, count, isWrite } = io;
    const size = io.size as AccessSize;
    const claim = this.#claims.pio.find(port, size);
    if (claim === undefined) {
      this.#stats.countUnclaimed(true, count);
      if (!isWrite) io.data.fill(0xff);
      return;
    }
    const { data } = this.#mailbox;
    if (isWrite) for (let i = 0; i < count; i++) setValueAt(data, i * size, size, io.element(i));
    this.#ask(claim.owner, true, isWrite, size, count, port);
    if (!isWrite) for (let i = 0; i < count; i++) io.setElement(i, valueAt(data, i * size, size));
  }

  #mmio(mmio: Extract<Exit, { reason: typeof ExitReason.Mmio }>['mmio']): void {
    const { address, data: bytes, isWrite } = mmio;
    const claim = this.#claims.mmio.find(address, bytes.length);
    if (claim === undefined) {
      this.#stats.countUnclaimed(false, 1);
      if (!isWrite) bytes.fill(0xff);
      return;
    }
    const { data } = this.#mailbox;
    if (isWrite) for (let i = 0; i < bytes.length; i++) data[i] = bytes[i] as number;
    this.#ask(claim.owner, false, isWrite, bytes.length, 1, address);
    if (!isWrite) for (let i = 0; i < bytes.length; i++) bytes[i] = data[i] as number;
  }

  /** What the local APIC tells the I/O APIC, that takes at its EOI register, too. */
  #endInterrupt(vector: number): void {
    const claim = this.#claims.mmio.find(ioApic.eoi, 4);
    if (claim === undefined) return;
    setValueAt(this.#mailbox.data, 0, 4, vector);
    this.#ask(claim.owner, false, true, 4, 1, ioApic.eoi);
  }

  #ask(device: number, isPio: boolean, isWrite: boolean, size: number, count: number, address: number): void {
    this.#stats.countRequest(device);
    if (this.#mailbox.ask(isPio, isWrite, size, count, address)) this.#end(undefined);
  }

  #end(outcome: Outcome | undefined): void {
    this.#stats.end();
    this.#context.stop(outcome);
  }

  /** A kick pauses the vCPU, or stops it after this handler. */
  #interrupted(): void {
    const control = this.#control;
    const { vcpu } = this.#context;
    let pause = Atomics.load(control, Word.Pause);
    if (pause % 2 === 0) return;
    for (; pause % 2 !== 0; pause = Atomics.load(control, Word.Pause)) {
      const isToSave = Atomics.load(control, Word.SaveVcpus) === pause;
      this.#context.post(isToSave ? { state: vcpu.save().toBytes(), saved: pause } : { pause });
      while (Atomics.load(control, Word.Pause) === pause) Atomics.wait(control, Word.Pause, pause);
    }
    tellOfPause(vcpu);
  }
}

/** Waits until the machine starts. Returns false if it never does. */
function isStarted(control: Int32Array): boolean {
  while (Atomics.load(control, Word.Gate) === Gate.Closed) Atomics.wait(control, Word.Gate, Gate.Closed);
  return Atomics.load(control, Word.Gate) === Gate.Open;
}

let thread: VcpuThread;

export const { setup, exit, intr } = {
  setup(context) {
    if (!isStarted(context.data.shared.control)) {
      context.end(undefined);
      return;
    }
    thread = new VcpuThread(context);
    thread.begin(context.data.isRestored);
  },
  exit: (exit) => thread.handle(exit),
  intr: (exit) => thread.handle(exit),
} satisfies Handlers<VcpuTypes>;
