import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import { type OpenDisk, openDisk } from '../storage/open-disk.js';
import type { BlockPlan } from '../virtio/block/block-order.js';
import type { FsPlan } from '../virtio/fs/fs-order.js';
import { type OpenShare, openShare } from '../virtio/fs/open-share.js';
import { type OpenNet, openNet } from '../virtio/net/open-net.js';
import type { VirtioPlan } from '../virtio/plan.js';
import type { Vsock } from '../virtio/vsock/vsock.js';
import type { Balloon } from './balloon.js';
import { BalloonHandle } from './balloon-handle.js';
import { startDisk } from './disk-thread.js';
import type { Plan } from './options.js';
import type { MachineParts, QueueThreadHandle } from './queue-thread-handle.js';
import { startShare } from './share-thread.js';
import { Streams } from './streams.js';
import { VsockHandle } from './vsock-handle.js';

/** What devices use of the host. It is opened before there is a VM. */
export interface OpenFiles {
  readonly disks: readonly OpenDisk[];
  readonly shares: readonly OpenShare[];
  readonly nets: readonly OpenNet[];
}

/**
 * Opens what devices use of the host.
 *
 * @param keep takes what is to be closed if there will be no machine.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what cannot be used.
 */
export async function openFiles(
  plan: Plan,
  backend: Backend,
  keep: <T extends { close(): void }>(each: T) => T,
): Promise<OpenFiles> {
  const disks: OpenDisk[] = [];
  for (const disk of plan.disks) disks.push(keep(await openDisk(disk, backend)));
  const shares = plan.shares.map((share) => keep(openShare(share, plan.shares.length)));
  return { disks, shares, nets: plan.net.map((net) => keep(openNet(net, backend))) };
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
  readonly #threads: readonly QueueThreadHandle<BlockPlan | FsPlan>[];

  /** @param ring rings the bell of the thread of the devices. */
  constructor(plan: Plan, { disks, shares, nets }: OpenFiles, parts: MachineParts, ring: () => void) {
    const { vm } = parts;
    this.streams = new Streams(vm, plan, ring);
    this.#balloon = plan.balloon && new BalloonHandle(vm, plan.balloon, plan.memorySize);
    this.#vsock = plan.vsock && new VsockHandle(plan.vsock, vm);
    this.#nets = nets;
    this.#threads = [
      ...disks.map((disk) => startDisk(disk, parts)),
      ...shares.map((share) => startShare(share, parts)),
    ];
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
