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
import type { Vsock } from '../virtio/vsock/vsock.js';
import { openBoot } from '../x86/boot-image.js';
import { guestCpuid } from '../x86/cpu/guest-cpuid.js';
import { setTemplateMsrs } from '../x86/cpu/template-msrs.js';
import { constantTscKhz } from '../x86/cpu/tsc-khz.js';
import { reserveHostPages } from '../x86/host-pages.js';
import { createInterruptControllers } from '../x86/interrupt-controllers.js';
import type { Balloon } from './balloon.js';
import { Bell } from './bell.js';
import { Claims } from './claims.js';
import type { Console } from './console.js';
import { Gate, Word, words } from './control.js';
import { DeviceThreadHandle } from './device-thread-handle.js';
import { Mailbox } from './mailbox.js';
import { checkOptions, type MachineOptions, type Plan } from './options.js';
import type { Shared, VcpuMessage } from './order.js';
import { smallHeap } from './small-heap.js';
import { type MachineStats, sharedNumbers, sumOf, VcpuStats } from './vcpu-stats.js';
import type { VcpuTypes } from './vcpu-thread.js';
import { type OpenDevices, openDevices, VirtioDevices, virtioCount } from './virtio-devices.js';

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
  readonly #onExit: Plan['onExit'];
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
  /** Waits for the vCPUs to stand still. */
  #pausing: { pause: number; missing: number; promise: Promise<void>; resolve: () => void } | undefined;

  /**
   * Makes a machine, loads what it boots, and starts its threads. The guest does not run before `start`.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for options and images that cannot be; as
   *   `Kvm.open` and `kvm.allocateMemory` do. What was made until then is closed.
   */
  static async create(options: MachineOptions): Promise<Machine> {
    const plan = checkOptions(options);
    const made: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(each: T): T => {
      made.unshift(each);
      return each;
    };
    try {
      using image = openBoot(plan.boot, plan.memorySize, {
        virtioCount: virtioCount(plan),
        transport: plan.transport,
        console: plan.console,
      });
      const devices = await openDevices(plan, selectBackend(plan.kvm?.backend), keep);
      const kvm = keep(Kvm.open(plan.kvm));
      checkCpus(kvm, plan.cpus);
      const vm = keep(kvm.createVm());
      reserveHostPages(kvm, vm);
      createInterruptControllers(vm, plan.board);
      const memory = keep(allocateMemory(kvm, plan));
      mapRam(vm, memory);
      let tscKhz: number | undefined;
      const vcpus = Array.from({ length: plan.cpus }, (_, id) => {
        const vcpu = keep(vm.createVcpu(id));
        const { features, template } = plan.cpu;
        const lapic = plan.board.interrupts !== 'none';
        tscKhz ??= constantTscKhz(kvm, vcpu);
        vcpu.setCpuid2(guestCpuid(kvm, { cpu: id, cpus: plan.cpus, features, template, lapic, tscKhz }));
        if (template !== undefined) setTemplateMsrs(vcpu, template);
        return vcpu;
      });
      image.enter(vcpus[0] as Vcpu, memory);
      const machine = new Machine(plan, devices, kvm, vm, memory, vcpus);
      try {
        // The threads start meanwhile.
        image.load(memory);
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

  private constructor(plan: Plan, devices: OpenDevices, kvm: Kvm, vm: Vm, memory: GuestMemory, vcpus: Vcpu[]) {
    this.kvm = kvm;
    this.#vm = vm;
    this.#memory = memory;
    this.#onExit = plan.onExit;
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
      data: { shared, stats, trace: plan.onExit && plan.trace },
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
    if (this.#pausing === undefined) {
      let resolve = (): void => {};
      const promise = new Promise<void>((settled) => {
        resolve = settled;
      });
      const pause = Atomics.add(this.#control, Word.Pause, 1) + 1;
      this.#pausing = { pause, missing: this.#kickHandles.length, promise, resolve };
      for (const handle of this.#kickHandles) kick(handle);
    }
    const over = this.done.then(
      () => {},
      () => {},
    );
    await Promise.race([this.#pausing.promise, over]);
  }

  /** Lets the vCPUs run again after `pause`. */
  resume(): void {
    if (this.#pausing === undefined) return;
    this.#pausing.resolve();
    this.#pausing = undefined;
    Atomics.add(this.#control, Word.Pause, 1);
    Atomics.notify(this.#control, Word.Pause);
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

  #take(message: VcpuMessage, vcpu: number): unknown {
    if (message === 'started') this.#hasStarted();
    else if ('pause' in message) this.#hasPaused(message.pause);
    else return this.#onExit?.(message.trace, vcpu);
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
    this.resume();
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

function checkCpus(kvm: Kvm, cpus: number): void {
  const most = kvm.checkExtension(Cap.MaxVcpus);
  if (cpus <= most) return;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `this host's KVM allows ${most} processors for a guest, not ${cpus}`);
}

function allocateMemory(kvm: Kvm, { memorySize: size, memoryFile: file, hugePages, prefault }: Plan): GuestMemory {
  if (file === undefined) return kvm.allocateMemory({ size, hugePages, reserve: prefault });
  // Memory is zero at first. Pages that are taken back now must not be those that are taken from the host.
  using before = kvm.allocateMemory({ size, file });
  before.discard();
  return kvm.allocateMemory({ size, file, hugePages, reserve: prefault });
}
