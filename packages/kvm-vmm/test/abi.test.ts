import { describe, expect, it } from 'vitest';
import { BootParams, E820MAX, SETUP_E820_EXT, SetupHeader } from '../src/abi/bootparam/index.js';
import { FUSE_KERNEL_VERSION, FUSE_LOOKUP, FuseInHeader, FuseOutHeader } from '../src/abi/fuse/index.js';
import { PCI_CAP_ID_MSIX, PCI_COMMAND_MEMORY, PCI_MSIX_ENTRY_SIZE } from '../src/abi/pci/index.js';
import { HvmStartInfo, XEN_HVM_START_MAGIC_VALUE } from '../src/abi/start-info/index.js';
import { IFF_NO_PI, IFF_TAP, Ifreq, TUNSETIFF } from '../src/abi/tun/index.js';
import { __NR_getpid, __NR_preadv } from '../src/abi/unistd/index.js';
import { UFFDIO_API, UFFDIO_WAKE, UffdioApi } from '../src/abi/userfaultfd/index.js';
import { VFIO_DEVICE_GET_INFO, VFIO_GROUP_SET_CONTAINER, VfioDeviceInfo } from '../src/abi/vfio/index.js';
import { VHOST_SET_MEM_TABLE, VHOST_SET_OWNER, VhostMemory } from '../src/abi/vhost/index.js';
import { VIRTIO_ID_NET, VirtioNetHdr, VRING_DESC_F_NEXT, VringDesc } from '../src/abi/virtio/index.js';

describe('the other interfaces', () => {
  it('have structs that are views of guest memory, little-endian', () => {
    const memory = new Uint8Array(64);
    const desc = new VringDesc({ buffer: memory.buffer, byteOffset: 16, byteLength: VringDesc.size });
    desc.assign({ addr: 0x1122n, len: 0x100, flags: VRING_DESC_F_NEXT, next: 3 });
    expect([...memory.subarray(16, 32)]).toEqual([0x22, 0x11, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 3, 0]);
    expect([VIRTIO_ID_NET, VirtioNetHdr.size]).toEqual([1, 10]);
  });

  it('have the boot parameters of a kernel', () => {
    const params = new BootParams();
    params.hdr.assign({ header: 0x53726448, cmdLinePtr: 0x20000 });
    expect(params.bytes.subarray(0x202, 0x206)).toEqual(new TextEncoder().encode('HdrS'));
    expect([BootParams.size, SetupHeader.size, E820MAX, SETUP_E820_EXT]).toEqual([4096, 123, 128, 1]);
    expect([PCI_CAP_ID_MSIX, PCI_COMMAND_MEMORY, PCI_MSIX_ENTRY_SIZE]).toEqual([0x11, 2, 16]);
    expect(params.e820Table).toHaveLength(128);
    expect([HvmStartInfo.size, XEN_HVM_START_MAGIC_VALUE]).toEqual([56, 0x336ec578]);
  });

  it('have the number and the argument of each ioctl', () => {
    expect(TUNSETIFF).toMatchObject({ request: 0x400454ca, argument: { kind: 'struct', type: Ifreq } });
    expect([IFF_TAP | IFF_NO_PI, Ifreq.size]).toEqual([0x1002, 40]);
    expect(VHOST_SET_OWNER).toMatchObject({ request: 0xaf01, argument: { kind: 'none' }, direction: 'none' });
    expect(VHOST_SET_MEM_TABLE).toMatchObject({ request: 0x4008af03, argument: { type: VhostMemory } });
    expect(VFIO_DEVICE_GET_INFO).toMatchObject({ request: 0x3b6b, argument: { type: VfioDeviceInfo } });
    expect(VFIO_GROUP_SET_CONTAINER).toMatchObject({ argument: { kind: 'integer', size: 4 }, direction: 'write' });
    expect(UFFDIO_API).toMatchObject({ request: 0xc018aa3f, argument: { type: UffdioApi } });
    expect(UFFDIO_WAKE.direction).toBe('write');
    expect([__NR_getpid, __NR_preadv]).toEqual([39, 295]);
  });

  it('have the requests of FUSE', () => {
    expect([FUSE_KERNEL_VERSION, FUSE_LOOKUP, FuseInHeader.size, FuseOutHeader.size]).toEqual([7, 1, 40, 16]);
  });
});
