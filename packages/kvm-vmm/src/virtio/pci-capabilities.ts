import { PCI_CAP_ID_VNDR } from '../abi/pci/constants.js';
import {
  VIRTIO_PCI_CAP_BAR,
  VIRTIO_PCI_CAP_CFG_TYPE,
  VIRTIO_PCI_CAP_COMMON_CFG,
  VIRTIO_PCI_CAP_DEVICE_CFG,
  VIRTIO_PCI_CAP_ISR_CFG,
  VIRTIO_PCI_CAP_LEN,
  VIRTIO_PCI_CAP_LENGTH,
  VIRTIO_PCI_CAP_NOTIFY_CFG,
  VIRTIO_PCI_CAP_OFFSET,
  VIRTIO_PCI_CAP_PCI_CFG,
  VIRTIO_PCI_NOTIFY_CAP_MULT,
} from '../abi/virtio/constants.js';
import type { Register } from '../bus/register-file.js';
import { type AccessSize, allOnes, type Registers } from '../bus/registers.js';
import { ConfigRegister } from '../pci/config-space.js';
import type { Capability } from '../pci/header.js';
import { doorbellStride, layout } from './pci-layout.js';

/** Bytes of `struct virtio_pci_cap`; two kinds have a word more. */
const size = 16;
const longSize = 20;
const afterCap = 16;

/** Where a driver finds the structures of a virtio device. Virtio 1.3, 4.1.4. */
export function structureCapabilities(configLength: number): readonly Capability[] {
  const { common, isr, device, notify } = layout;
  const capabilities = [
    structure(VIRTIO_PCI_CAP_COMMON_CFG, common.offset, common.length),
    structure(VIRTIO_PCI_CAP_ISR_CFG, isr.offset, 1),
    structure(VIRTIO_PCI_CAP_NOTIFY_CFG, notify.offset, notify.length, [
      { name: 'notify_off_multiplier', offset: VIRTIO_PCI_NOTIFY_CAP_MULT, size: 4, value: doorbellStride },
    ]),
  ];
  // A device without a configuration space must not have a structure for it.
  if (configLength > 0) capabilities.push(structure(VIRTIO_PCI_CAP_DEVICE_CFG, device.offset, configLength));
  return capabilities;
}

function structure(
  type: number,
  offset: number,
  length: number,
  more: readonly { name: string; offset: number; size: AccessSize; value: number }[] = [],
): Capability {
  const length8 = more.length === 0 ? size : longSize;
  return {
    id: PCI_CAP_ID_VNDR,
    size: length8,
    registers: (at) =>
      [
        { name: 'cap_len', offset: VIRTIO_PCI_CAP_LEN, size: 1, value: length8 } as const,
        { name: 'cfg_type', offset: VIRTIO_PCI_CAP_CFG_TYPE, size: 1, value: type } as const,
        { name: 'bar', offset: VIRTIO_PCI_CAP_BAR, size: 1, value: layout.bar } as const,
        { name: 'offset', offset: VIRTIO_PCI_CAP_OFFSET, size: 4, value: offset } as const,
        { name: 'length', offset: VIRTIO_PCI_CAP_LENGTH, size: 4, value: length } as const,
        ...more,
      ].map((register) => new ConfigRegister({ ...register, offset: at + register.offset })),
  };
}

/**
 * The window through which a driver without access to memory reaches the BAR: it writes BAR, offset and length, and
 * each access to the data is one to the registers there. Virtio 1.3, 4.1.4.9.
 */
export function accessCapability(registers: Registers): Capability {
  return {
    id: PCI_CAP_ID_VNDR,
    size: longSize,
    registers: (at): readonly Register[] => {
      const bar = writable('access bar', at + VIRTIO_PCI_CAP_BAR, 1);
      const offset = writable('access offset', at + VIRTIO_PCI_CAP_OFFSET, 4);
      const length = writable('access length', at + VIRTIO_PCI_CAP_LENGTH, 4);
      const selected = (): AccessSize | undefined => {
        const bytes = length.value;
        const isThere = bar.value === layout.bar && offset.value + bytes <= layout.size && offset.value % bytes === 0;
        return isThere && (bytes === 1 || bytes === 2 || bytes === 4) ? bytes : undefined;
      };
      return [
        new ConfigRegister({ name: 'cap_len', offset: at + VIRTIO_PCI_CAP_LEN, size: 1, value: longSize }),
        new ConfigRegister({
          name: 'cfg_type',
          offset: at + VIRTIO_PCI_CAP_CFG_TYPE,
          size: 1,
          value: VIRTIO_PCI_CAP_PCI_CFG,
        }),
        bar,
        offset,
        length,
        {
          name: 'pci_cfg_data',
          offset: at + afterCap,
          size: 4,
          read: () => {
            const bytes = selected();
            return bytes === undefined ? 0 : registers.read(offset.value, bytes, layout.bar);
          },
          write: (value) => {
            const bytes = selected();
            if (bytes !== undefined) registers.write(offset.value, bytes, (value & allOnes(bytes)) >>> 0, layout.bar);
          },
        },
      ];
    },
  };
}

function writable(name: string, offset: number, bytes: AccessSize): ConfigRegister {
  return new ConfigRegister({ name, offset, size: bytes, writable: allOnes(bytes) });
}
