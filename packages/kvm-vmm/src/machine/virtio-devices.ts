import { KvmError, type Vm } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import { openDisk } from '../storage/open-disk.js';
import type { BlockPlan } from '../virtio/block/block-order.js';
import type { FsPlan } from '../virtio/fs/fs-order.js';
import type { OpenNet } from '../virtio/net/open-net.js';
import type { VirtioPlan } from '../virtio/plan.js';
import type { Vsock } from '../virtio/vsock/vsock.js';
import type { Balloon } from './balloon.js';
import { BalloonHandle } from './balloon-handle.js';
import { startDisk } from './disk-thread.js';
import type { Plan } from './options.js';
import type { MachineParts, QueueThreadHandle } from './queue-thread-handle.js';
import { Streams } from './streams.js';
import type { VsockHandle } from './vsock-handle.js';

type DeviceThread = QueueThreadHandle<BlockPlan | FsPlan>;

/** Devices whose part of the host is open. Nothing of a VM is needed for that. */
export interface OpenDevices {
  /** Each starts the thread of a disk or a share. */
  readonly threads: readonly ((parts: MachineParts) => DeviceThread)[];
  readonly nets: readonly OpenNet[];
  readonly vsock: ((vm: Vm) => VsockHandle) | undefined;
}

/**
 * Opens what devices use of the host. A machine that has no shares, networks or sockets does not load their code.
 *
 * @param keep takes what is to be closed if there will be no machine.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what cannot be used.
 */
export async function openDevices(
  plan: Plan,
  backend: Backend,
  keep: <T extends { close(): void }>(each: T) => T,
): Promise<OpenDevices> {
  const threads: OpenDevices['threads'][number][] = [];
  for (const options of plan.disks) {
    const disk = keep(await openDisk(options, backend));
    threads.push((parts) => startDisk(disk, parts));
  }
  if (plan.shares.length > 0) {
    const [{ openShare }, { startShare }] = await Promise.all([
      import('../virtio/fs/open-share.js'),
      import('./share-thread.js'),
    ]);
    for (const options of plan.shares) {
      const share = keep(openShare(options, plan.shares.length));
      threads.push((parts) => startShare(share, parts));
    }
  }
  const nets: OpenNet[] = [];
  if (plan.net.length > 0) {
    const { openNet } = await import('../virtio/net/open-net.js');
    for (const options of plan.net) nets.push(keep(openNet(options, backend)));
  }
  const settings = plan.vsock;
  if (settings === undefined) return { threads, nets, vsock: undefined };
  const { VsockHandle: Handle } = await import('./vsock-handle.js');
  return { threads, nets, vsock: (vm) => new Handle(settings, vm) };
}

/** How many virtio devices a machine has. */
export function virtioCount({ disks, shares, net, virtio, console, ports, balloon, vsock }: Plan): number {
  const others = [console === 'virtio', ports.length > 0, balloon !== undefined, vsock !== undefined];
  return disks.length + shares.length + net.length + virtio.length + others.filter((exists) => exists).length;
}

/** The main thread's view of the devices that the guest has by virtio, and of its serial port. */
export class VirtioDevices {
  readonly streams: Streams;
  /** For the thread of the devices. */
  readonly plans: readonly VirtioPlan[];
  readonly #balloon: BalloonHandle | undefined;
  readonly #vsock: VsockHandle | undefined;
  readonly #nets: readonly OpenNet[];
  readonly #threads: readonly DeviceThread[];

  /** @param ring rings the bell of the thread of the devices. */
  constructor(plan: Plan, { threads, nets, vsock }: OpenDevices, parts: MachineParts, ring: () => void) {
    const { vm } = parts;
    this.streams = new Streams(vm, plan, ring);
    this.#balloon = plan.balloon && new BalloonHandle(vm, plan.balloon, plan.memorySize);
    this.#vsock = vsock?.(vm);
    this.#nets = nets;
    this.#threads = threads.map((start) => start(parts));
    this.plans = [
      ...[...this.#threads, ...nets].map((each) => each.plan),
      ...plan.virtio,
      ...this.streams.plans,
      ...[this.#balloon, this.#vsock].flatMap((each) => each?.plan ?? []),
    ];
  }

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is none. */
  get balloon(): Balloon {
    if (this.#balloon !== undefined) return this.#balloon;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this machine has no balloon', { hint: 'balloon: true' });
  }

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is none. */
  get vsock(): Vsock {
    if (this.#vsock !== undefined) return this.#vsock.vsock;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this machine has no vsock device', { hint: 'vsock: true' });
  }

  /** Resolves when all that they are connected to is there, or rejects with what is wrong. */
  async ready(): Promise<void> {
    await this.#vsock?.open();
    await Promise.all(this.#nets.map(({ ready }) => ready));
  }

  /** The thread of the devices has numbers of the balloon. */
  balloonReported(): void {
    this.#balloon?.reported();
  }

  /** The thread of the devices has ended. Returns the error of a thread of a device. */
  async end(): Promise<Error | undefined> {
    const ended = await Promise.all(this.#threads.map((thread) => thread.end()));
    for (const net of this.#nets) net.close();
    this.streams.finish();
    this.#balloon?.finish();
    this.#vsock?.end();
    return ended.find((failure) => failure !== undefined);
  }
}
