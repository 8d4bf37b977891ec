import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { EventFd, Vm } from '@kvm/core';
import { PacketRing } from '../streams/packet-ring.js';
import { VsockLink } from '../virtio/vsock/link.js';
import { UnixSockets } from '../virtio/vsock/unix-sockets.js';
import { VsockHost } from '../virtio/vsock/vsock-host.js';
import type { VsockSettings } from '../virtio/vsock/vsock-options.js';
import { ringSize, type VsockPlan } from '../virtio/vsock/vsock-plan.js';

/** The main thread's part of the sockets between the guest and the host. */
export class VsockHandle {
  /** For the thread of the devices. */
  readonly plan: VsockPlan;
  readonly vsock: VsockHost;
  readonly #path: string | undefined;
  readonly #wake: EventFd;
  readonly #reports: MessagePort;
  #sockets: UnixSockets | undefined;
  #hasEnded = false;

  constructor({ cid, path }: VsockSettings, vm: Vm) {
    const { port1, port2 } = new MessageChannel();
    this.#path = path;
    this.#wake = vm.createEventFd();
    this.#reports = port1;
    this.plan = {
      kind: 'vsock',
      cid,
      toGuest: PacketRing.allocate(ringSize).shared,
      fromGuest: PacketRing.allocate(ringSize).shared,
      epoch: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
      wake: this.#wake.share(),
      report: port2,
    };
    this.vsock = new VsockHost(new VsockLink(this.plan, () => this.#wake.write()));
    port1.on('message', () => this.vsock.take());
    // The threads of the machine keep the program running.
    port1.unref();
  }

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there can be no Unix socket at the path. */
  async open(): Promise<void> {
    if (this.#path === undefined) return;
    this.#sockets = await UnixSockets.open(this.#path, this.vsock);
    // The machine may have failed meanwhile.
    if (this.#hasEnded) this.#sockets.close();
  }

  /** The thread of the devices has ended. */
  end(): void {
    this.#hasEnded = true;
    this.vsock.finish();
    this.#sockets?.close();
    this.#reports.close();
    this.#wake.close();
  }
}
