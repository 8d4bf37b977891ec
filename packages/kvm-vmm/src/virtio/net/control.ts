import {
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_ERR,
  VIRTIO_NET_OK,
} from '../../abi/virtio/constants.js';
import type { Chain } from '../chain.js';

/** Bytes of a command: its class and its number. Its data follow, and a byte for the answer. */
const headerSize = 2;
const macSize = 6;

/** Does the commands of the control queue. Virtio 1.3, 5.1.6.5. */
export class Control {
  readonly #mac: Uint8Array;
  readonly #command = new Uint8Array(headerSize + macSize);
  readonly #answer = new Uint8Array(1);

  /** @param mac where the address of the device is. */
  constructor(mac: Uint8Array) {
    this.#mac = mac;
  }

  /** Returns whether there is a place for the answer. */
  do(chain: Chain): boolean {
    if (chain.writableLength < this.#answer.length) return false;
    this.#answer[0] = this.#setMac(chain) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
    chain.write(0, this.#answer);
    return true;
  }

  /** The only command of the features that are offered. */
  #setMac(chain: Chain): boolean {
    const command = this.#command;
    if (chain.readableLength !== command.length) return false;
    chain.readInto(0, command);
    if (command[0] !== VIRTIO_NET_CTRL_MAC || command[1] !== VIRTIO_NET_CTRL_MAC_ADDR_SET) return false;
    for (let i = 0; i < macSize; i++) this.#mac[i] = command[headerSize + i] as number;
    return true;
  }
}
