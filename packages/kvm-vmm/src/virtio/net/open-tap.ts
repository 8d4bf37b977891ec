import { closeSync, constants as flags, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Backend } from '@kvm/core/backend';
import { IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, IFNAMSIZ, Ifreq, TUNSETIFF, TUNSETVNETHDRSZ } from '../../abi/tun/index.js';
import { headerSize } from './frames.js';
import { refuse } from './refuse.js';

const { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, EPERM } = constants.errno;

const device = '/dev/net/tun';

/**
 * Opens a tap of the host, whose frames have the header of virtio-net. Returns its descriptor, which does not block.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is none, or it may not be used; the hint says what to do.
 */
export function openTap(name: string, backend: Backend): number {
  const make = `make one: ip tuntap add dev ${name} mode tap user USER && ip link set ${name} up`;
  // The kernel would make a new one, without addresses or a bridge, for whoever may.
  if (!hasInterface(name)) throw refuse(`there is no tap ${name}`, make);
  const fd = openDevice();
  const result = setUp(fd, name, backend);
  if (result === 0) return fd;
  closeSync(fd);
  if (result === -EBUSY) throw refuse(`the tap ${name} is in use by another program`, 'give each machine its own tap');
  if (result === -EPERM) throw refuse(`the tap ${name} belongs to another user`, make);
  if (result === -EINVAL) {
    const another = 'give it the name of another: ip tuntap add dev tap0 mode tap user USER && ip link set tap0 up';
    throw refuse(`the interface ${name} is no tap, or one with several queues`, another);
  }
  throw refuse(`the tap ${name} cannot be used: errno ${-result}`);
}

/** The list is that of this process's network namespace, which /sys may not be. */
function hasInterface(name: string): boolean {
  return readFileSync('/proc/self/net/dev', 'utf8')
    .split('\n')
    .some((line) => line.trimStart().startsWith(`${name}:`));
}

function openDevice(): number {
  try {
    return openSync(device, flags.O_RDWR | flags.O_NONBLOCK);
  } catch (error) {
    const { errno = 0, message } = error as NodeJS.ErrnoException;
    const hints: Record<number, string> = {
      [ENOENT]: 'load the driver: modprobe tun; in a container, give it the device /dev/net/tun',
      [ENODEV]: 'load the driver: modprobe tun',
      [EACCES]: `change its permissions: chmod 666 ${device}`,
      [EPERM]: `allow the container to use ${device}`,
    };
    throw refuse(`taps cannot be opened: ${message.split(',')[0]}: ${device}`, hints[-errno]);
  }
}

/** Returns 0, or `-errno`. */
function setUp(fd: number, name: string, backend: Backend): number {
  const request = new Ifreq();
  new TextEncoder().encodeInto(name, request.ifrIfrn.ifrnName.subarray(0, IFNAMSIZ - 1));
  request.ifrIfru.ifruFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  const result = backend.ioctl(fd, TUNSETIFF.request, backend.address(request.bytes));
  if (result < 0) return result;
  const size = Int32Array.of(headerSize);
  return backend.ioctl(fd, TUNSETVNETHDRSZ.request, backend.address(size));
}
