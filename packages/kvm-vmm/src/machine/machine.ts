import {
  Cap,
  type EventFd,
  type GuestMemory,
  type KickHandle,
  Kvm,
  KvmError,
  kick,
  type Running,
  type Vcpu,
  type Vm,
} from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import type { Outcome } from '../devices/outcome.js';
import { mapRam } from '../memory/memory-map.js';
import type { Saved } from '../snapshot/write.js';
import type { Vsock } from '../virtio/vsock/vsock.js';
import { reserveHostPages } from '../x86/host-pages.js';
import { createInterruptControllers } from '../x86/interrupt-controllers.js';
import type { Balloon } from './balloon.js';
import { Bell } from './bell.js';
import { Claims } from './claims.js';
import type { Console } from './console.js';
import { Gate, Word, words } from './control.js';
import { type Deferred, deferred } from './deferred.js';
import { DeviceThreadHandle } from './device-thread-handle.js';
import type { MachineDocument } from './document.js';
import { Mailbox } from './mailbox.js';
import { checkOptions, type MachineOptions, type Plan, type RestoreOptions } from './options.js';
import type { DeviceStates, Shared, VcpuMessage } from './order.js';
import { Boot, type Keep, type Origin } from './origin.js';
import { Saving } from './saving.js';
import { smallHeap } from './small-heap.js';
import { type MachineStats, sharedNumbers, sumOf, VcpuStats } from './vcpu-stats.js';
import type { VcpuTypes } from './vcpu-thread.js';
import { type OpenDevices, openDevices, VirtioDevices } from './virtio-devices.js';

/**
 * A virtual machine: guest memory, processors with a thread each, and devices in a thread of their own. The main thread
 * stays free.
 *
 *     await using machine = await Machine.create({ memory: '512M', cpus: 2, boot: linux({ kernel, initrd }) });
 *     machine.console.pipe(process.stdout);
 *     machine.start();
 *     const { kind } = await machine.done;
 */
export class Machine implements AsyncDisposable {
  readonly kvm: Kvm;
  /** Settles when the machine has ended: with the reason, or rejects with the error of a device or of KVM. */
  readonly done: Promise<Outcome>;
  /** Resolves when the first processor enters the guest, or the machine has ended before. */
  readonly started: Promise<void>;
  #hasStarted = (): void => {};
  readonly #plan: Plan;
  /** What it was made with. */
  readonly #document: MachineDocument;
  readonly #vm: Vm;
  readonly #memory: GuestMemory;
  readonly #control: Int32Array;
  readonly #wake: EventFd;
  readonly #bell: Bell;
  readonly #virtio: VirtioDevices;
  readonly #stats: readonly VcpuStats[];
  readonly #firstOutput: Float64Array;
  /** By the numbers of the devices. */
  #deviceNames: readonly string[] = [];
  readonly #kickHandles: readonly KickHandle[];
  readonly #running: Running<Vcpu, Outcome | undefined>;
  readonly #devices: DeviceThreadHandle;
  #saving: Saving | undefined;
  /** Whether the program wants the vCPUs to stand still. */
  #isPaused = false;
  /** Waits for the vCPUs to stand still. */
  #pausing: (Deferred<void> & { readonly pause: number; missing: number }) | undefined;

  /**
   * Makes a machine, loads what it boots, and starts its threads. The guest does not run before `start`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for options and images that cannot be; as
   *   `Kvm.open` and `kvm.allocateMemory` do. What was made until then is closed.
   */
  static async create(options: MachineOptions): Promise<Machine> {
    const plan = checkOptions(options);
    using boot = new Boot(plan);
    return await Machine.#make(plan, options, boot);
  }

  /**
   * Makes a machine whose guest goes on where `snapshot` saved it, once it is started: in another process, with the
   * other backend, as often as you like. All such machines share the pages that they do not write to. Do not change the
   * snapshot's files meanwhile; another `snapshot` to the folder does not.
   *
   * The guest learns that it was restored by its devices: connections of vsock have ended, files of shares are looked
   * up again. What it knows of networks stays, with the MAC address of before.
   *
   * @param folder that of `snapshot`.
   * @param options what is another one than before: disks and shares of the same number, such as copies.
   * @throws KvmError `ERR_KVM_STATE` for a snapshot that is damaged or of another version, that this host cannot run,
   *   and if a disk has changed since; as `create` does for options.
   */
  static async restore(folder: string, options: RestoreOptions = {}): Promise<Machine> {
    const { readRestored } = await import('../snapshot/restored.js');
    const { plan, document, origin } = await readRestored(folder, options);
    return await Machine.#make(plan, document, origin);
  }

  static async #make(plan: Plan, document: MachineDocument, origin: Origin): Promise<Machine> {
    const made: { close(): void }[] = [];
    const keep: Keep = (each) => {
      made.unshift(each);
      return each;
    };
    try {
      const devices = await openDevices(plan, selectBackend(plan.kvm?.backend), keep);
      const kvm = keep(Kvm.open(plan.kvm));
      checkCpus(kvm, plan.cpus);
      const vm = keep(kvm.createVm());
      reserveHostPages(kvm, vm);
      createInterruptControllers(vm, plan.board);
      const memory = keep(origin.allocate(kvm));
      mapRam(vm, memory);
      const vcpus = origin.createVcpus(kvm, vm, memory, keep);
      const machine = new Machine(plan, document, { devices, kvm, vm, memory, vcpus, states: origin.states });
      try {
        // The threads start meanwhile.
        origin.load(memory);
        machine.#deviceNames = await machine.#devices.ready;
        await machine.#virtio.ready();
      } catch (error) {
        await machine.close();
        throw error;
      }
      return machine;
    } catch (error) {
      for (const each of made) each.close();
      throw error;
    }
  }

  private constructor(plan: Plan, document: MachineDocument, made: Made) {
    const { devices, kvm, vm, memory, vcpus, states } = made;
    this.#plan = plan;
    this.#document = document;
    this.kvm = kvm;
    this.#vm = vm;
    this.#memory = memory;
    this.started = new Promise((resolve) => {
      this.#hasStarted = resolve;
    });
    this.#wake = vm.createEventFd();
    const shared: Shared = {
      control: new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)),
      wake: this.#wake.share(),
      slots: Mailbox.allocate(plan.cpus),
      claims: Claims.allocate(),
      firstOutput: sharedNumbers(1),
    };
    this.#firstOutput = shared.firstOutput;
    this.#control = shared.control;
    this.#bell = new Bell(shared.control, this.#wake);
    const parts = { vm, memory, cpus: plan.cpus, failed: () => void this.#abandon() };
    this.#virtio = new VirtioDevices(plan, devices, parts, () => this.#bell.ring());
    const { streams } = this.#virtio;
    this.#devices = new DeviceThreadHandle(
      {
        shared,
        cpus: plan.cpus,
        vm: vm.share(),
        memory: memory.share(),
        board: plan.board,
        serial: streams.serial,
        modules: plan.modules,
        virtio: this.#virtio.plans,
        transport: plan.transport,
        states,
      },
      this.#bell,
      {
        output: (stream) => streams.wakeReader(stream),
        room: (stream) => streams.wakeWriter(stream),
        balloon: () => this.#virtio.balloonReported(),
        message: plan.onMessage,
        failed: () => void this.#abandon(),
      },
      plan.workerUrl,
    );
    const stats = vcpus.map(() => VcpuStats.allocate());
    this.#stats = stats.map((each) => new VcpuStats(each));
    this.#kickHandles = vcpus.map((vcpu) => vcpu.kickHandle());
    this.#running = vm.start<VcpuTypes>({
      vcpus,
      handlers: plan.workerUrl,
      workerUrl: plan.workerUrl,
      resourceLimits: smallHeap,
      data: { shared, stats, trace: plan.onExit && plan.trace, isRestored: states !== undefined },
      onMessage: (message, vcpu) => this.#take(message, vcpu),
    });
    this.done = this.#watch();
    // Whoever wants to know awaits it; the machine itself must not end the process.
    this.done.catch(() => {}).finally(() => this.#hasStarted());
  }

  /**
   * The guest's console, a serial port or `hvc0`, as the option `console` says: reads what the guest writes; the guest
   * reads what is written to it.
   */
  get console(): Console {
    return this.#virtio.streams.console.attach();
  }

  /**
   * A port of the option `ports`, `/dev/virtio-ports/NAME` of Linux, as a stream like the console. Nothing that the
   * guest writes to it is lost: the guest waits until it is read. What is written to it waits until a program of the
   * guest has opened the port.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is no port with this name.
   */
  port(name: string): Console {
    return this.#virtio.streams.port(name);
  }

  /**
   * Tells the guest the size of its console, in characters. It is kept for a guest that has no driver yet.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if the console is a serial port, which has no size;
   *   `ERR_KVM_OUT_OF_RANGE` for more than 65,535.
   */
  resizeConsole(columns: number, rows: number): void {
    this.#virtio.streams.resize(columns, rows);
  }

  /**
   * What takes memory back from the guest.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` without the option `balloon`.
   */
  get balloon(): Balloon {
    return this.#virtio.balloon;
  }

  /**
   * The sockets between the guest and this program.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a machine without the option `vsock`.
   */
  get vsock(): Vsock {
    return this.#virtio.vsock;
  }

  /** Whether the guest has read from its console, or waits for input. */
  get readsConsole(): boolean {
    return Atomics.load(this.#control, Word.GuestReads) !== 0;
  }

  /** What the machine has done until now. */
  get stats(): MachineStats {
    return sumOf(this.#stats, { devices: this.#deviceNames, firstOutput: this.#firstOutput[0] as number });
  }

  /** Lets the guest run. */
  start(): void {
    if (Atomics.compareExchange(this.#control, Word.Gate, Gate.Closed, Gate.Open) !== Gate.Closed) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this machine was started or stopped before');
    }
    Atomics.notify(this.#control, Word.Gate);
  }

  /** Stops all vCPUs between two instructions. Resolves when they stand still, or the machine has ended. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#standStill();
  }

  /** Lets the vCPUs run again after `pause`. During a snapshot they do so at its end. */
  resume(): void {
    this.#isPaused = false;
    if (this.#saving === undefined) this.#goOn();
  }

  /**
   * Saves the machine to a folder, with its memory, processors and devices, and lets it go on, unless it was paused.
   * `Machine.restore` makes machines of it. The guest stands still while its memory is written, and not while the files
   * reach the disk. A snapshot that the folder has is replaced at the end, at once: a crash leaves one of them whole.
   *
   * Disks and shares are not part of it: a machine is restored with what they were then. So pause this one, and stop it
   * afterwards or copy its disks before it goes on. Connections are not either, and what devices of your own refer to.
   *
   * @param folder made if there is none. Only this user may read what is put into it: it has all that the guest knows.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a machine that was not started, that is being saved, or whose disk
   *   has an overlay in memory, and for a folder that cannot be written; `ERR_KVM_CLOSED` if the machine ends
   *   meanwhile.
   */
  async snapshot(folder: string): Promise<void> {
    if (this.#saving !== undefined) throw invalid('this machine is being saved already');
    if (Atomics.load(this.#control, Word.Gate) !== Gate.Open) {
      throw invalid('only a machine that was started can be saved');
    }
    const saving = new Saving(this.#control, this.#kickHandles.length);
    this.#saving = saving;
    try {
      const { SnapshotWriter } = await import('../snapshot/write.js');
      const writer = await SnapshotWriter.open(folder);
      try {
        await this.#standStill();
        await writer.write(await this.#save(saving));
        this.#endSaving();
        await writer.commit();
      } finally {
        await writer.close();
      }
    } finally {
      this.#endSaving();
    }
  }

  /** Presses the power button. What the guest does then is its own decision: most shut down. */
  pressPowerButton(): void {
    Atomics.store(this.#control, Word.PowerButton, 1);
    this.#bell.ring();
  }

  /** Ends the machine, whatever its guest does. Returns `done`. */
  stop(): Promise<Outcome> {
    void this.#abandon();
    return this.done;
  }

  /** Ends the machine and gives back all that it has. */
  async close(): Promise<void> {
    await this.stop().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #standStill(): Promise<void> {
    if (this.#pausing === undefined) {
      const pause = Atomics.add(this.#control, Word.Pause, 1) + 1;
      this.#pausing = { pause, missing: this.#kickHandles.length, ...deferred<void>() };
      for (const handle of this.#kickHandles) kick(handle);
    }
    const over = this.done.then(
      () => {},
      () => {},
    );
    await Promise.race([this.#pausing.promise, over]);
  }

  #goOn(): void {
    this.#devices.release();
    if (this.#pausing === undefined) return;
    this.#pausing.resolve();
    this.#pausing = undefined;
    Atomics.add(this.#control, Word.Pause, 1);
    Atomics.notify(this.#control, Word.Pause);
  }

  /** What a snapshot has. The devices first: their interrupts are in the processors' states then. */
  async #save(saving: Saving): Promise<Saved> {
    const { savedDocument } = await import('../snapshot/document.js');
    const { hostFiles } = await import('../snapshot/host-files.js');
    const { memorySize } = this.#plan;
    const machine = savedDocument(this.#document, memorySize);
    const over = this.done.then(() => ended(), ended);
    const devices = await Promise.race([this.#devices.hold(), over]);
    const vcpus = await Promise.race([saving.vcpus(), over]);
    const state = this.#vm.save(vcpus, { memory: false });
    return { machine, devices, state, memory: this.#memory, host: hostFiles(this.#plan) };
  }

  /** The machine goes on, unless the program has paused it. */
  #endSaving(): void {
    if (this.#saving === undefined) return;
    this.#saving = undefined;
    if (!this.#isPaused) this.#goOn();
  }

  #take(message: VcpuMessage, vcpu: number): unknown {
    if (message === 'started') this.#hasStarted();
    else if ('state' in message) this.#saving?.take(message, vcpu);
    else if ('pause' in message) this.#hasPaused(message.pause);
    else return this.#plan.onExit?.(message.trace, vcpu);
    return undefined;
  }

  /** A vCPU stands still. One may report an earlier pause that has ended since. */
  #hasPaused(pause: number): void {
    if (this.#pausing?.pause === pause && --this.#pausing.missing === 0) this.#pausing.resolve();
  }

  /** Stops the vCPUs, even those that wait for the start or the end of a pause. */
  async #abandon(): Promise<void> {
    Atomics.store(this.#control, Word.Stop, 1);
    Atomics.compareExchange(this.#control, Word.Gate, Gate.Closed, Gate.Cancelled);
    Atomics.notify(this.#control, Word.Gate);
    // A vCPU may wait for room for its output.
    this.#bell.ring();
    const stopped = this.#running.stop();
    this.#goOn();
    await stopped.catch(() => {});
  }

  /** Sees the machine to its end. */
  async #watch(): Promise<Outcome> {
    let outcome: Outcome | undefined;
    let failure: { error: unknown } | undefined;
    try {
      const endings = await this.#running.done;
      for (const ending of endings) {
        outcome ??= ending.result;
        ending.vcpu.close();
      }
    } catch (error) {
      failure = { error };
    }
    const devices = await this.#devices.end();
    const failedDevice = await this.#virtio.end();
    this.#wake.close();
    this.#vm.close();
    this.#memory.close();
    this.kvm.close();
    // The error of a device comes first: vCPUs that ask a failed thread fail, too.
    const failed = devices.failure ?? failedDevice;
    if (failed !== undefined) throw failed;
    if (failure !== undefined) throw failure.error;
    return outcome ?? devices.outcome ?? { kind: 'interrupted' };
  }
}

/** What a machine consists of. */
interface Made {
  readonly devices: OpenDevices;
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly memory: GuestMemory;
  readonly vcpus: readonly Vcpu[];
  readonly states: DeviceStates | undefined;
}

function checkCpus(kvm: Kvm, cpus: number): void {
  const most = kvm.checkExtension(Cap.MaxVcpus);
  if (cpus <= most) return;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `this host's KVM allows ${most} processors for a guest, not ${cpus}`);
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}

function ended(cause?: unknown): never {
  throw new KvmError('ERR_KVM_CLOSED', 'the machine has ended', { cause });
}
