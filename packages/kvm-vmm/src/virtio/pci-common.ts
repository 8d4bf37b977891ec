import {
  VIRTIO_PCI_COMMON_CFGGENERATION,
  VIRTIO_PCI_COMMON_DF,
  VIRTIO_PCI_COMMON_DFSELECT,
  VIRTIO_PCI_COMMON_GF,
  VIRTIO_PCI_COMMON_GFSELECT,
  VIRTIO_PCI_COMMON_MSIX,
  VIRTIO_PCI_COMMON_NUMQ,
  VIRTIO_PCI_COMMON_Q_AVAILHI,
  VIRTIO_PCI_COMMON_Q_AVAILLO,
  VIRTIO_PCI_COMMON_Q_DESCHI,
  VIRTIO_PCI_COMMON_Q_DESCLO,
  VIRTIO_PCI_COMMON_Q_ENABLE,
  VIRTIO_PCI_COMMON_Q_MSIX,
  VIRTIO_PCI_COMMON_Q_NOFF,
  VIRTIO_PCI_COMMON_Q_SELECT,
  VIRTIO_PCI_COMMON_Q_SIZE,
  VIRTIO_PCI_COMMON_Q_USEDHI,
  VIRTIO_PCI_COMMON_Q_USEDLO,
  VIRTIO_PCI_COMMON_STATUS,
} from '../abi/virtio/constants.js';
import { type Register, RegisterFile } from '../bus/register-file.js';
import { type AccessSize, allOnes } from '../bus/registers.js';
import type { CommonConfig } from './common-config.js';
import { Area } from './queue-setup.js';

/** What a PCI transport has beside the common configuration. */
export interface PciRegisters {
  /** The vector of configuration changes. */
  configVector: number;
  /** The vector of the selected queue. */
  queueVector: number;
  deviceStatus: number;
}

/** The registers of `CommonConfig` that a driver writes by themselves. */
type Written = 'deviceFeatureSelect' | 'driverFeatureSelect' | 'driverFeature' | 'queueSelect' | 'queueSize';
type Read = 'deviceFeature' | 'queueCount' | 'configGeneration' | 'queueSelect';

/** `struct virtio_pci_common_cfg`. Virtio 1.3, 4.1.4.3. A part of a register that is written leaves the rest. */
export function commonRegisters(common: CommonConfig, pci: PciRegisters): RegisterFile {
  const readOnly = (name: string, offset: number, size: AccessSize, key: Read): Register => ({
    name,
    offset,
    size,
    read: () => common[key],
  });
  const ofCommon = (name: string, offset: number, size: AccessSize, key: Written): Register =>
    writable({ name, offset, size, read: () => common[key] }, (value) => {
      common[key] = value;
    });
  const ofPci = (name: string, offset: number, size: AccessSize, key: keyof PciRegisters): Register =>
    writable({ name, offset, size, read: () => pci[key] }, (value) => {
      pci[key] = value;
    });
  const half = (name: string, offset: number, area: Area, isHigh: boolean): Register =>
    writable({ name, offset, size: 4, read: () => common.queue?.half(area, isHigh) ?? 0 }, (value) =>
      common.queue?.setHalf(area, isHigh, value),
    );
  const enable: ReadableRegister = {
    name: 'queue_enable',
    offset: VIRTIO_PCI_COMMON_Q_ENABLE,
    size: 2,
    read: () => common.queueEnable,
  };
  return new RegisterFile([
    ofCommon('device_feature_select', VIRTIO_PCI_COMMON_DFSELECT, 4, 'deviceFeatureSelect'),
    readOnly('device_feature', VIRTIO_PCI_COMMON_DF, 4, 'deviceFeature'),
    ofCommon('driver_feature_select', VIRTIO_PCI_COMMON_GFSELECT, 4, 'driverFeatureSelect'),
    ofCommon('driver_feature', VIRTIO_PCI_COMMON_GF, 4, 'driverFeature'),
    ofPci('config_msix_vector', VIRTIO_PCI_COMMON_MSIX, 2, 'configVector'),
    readOnly('num_queues', VIRTIO_PCI_COMMON_NUMQ, 2, 'queueCount'),
    ofPci('device_status', VIRTIO_PCI_COMMON_STATUS, 1, 'deviceStatus'),
    readOnly('config_generation', VIRTIO_PCI_COMMON_CFGGENERATION, 1, 'configGeneration'),
    ofCommon('queue_select', VIRTIO_PCI_COMMON_Q_SELECT, 2, 'queueSelect'),
    ofCommon('queue_size', VIRTIO_PCI_COMMON_Q_SIZE, 2, 'queueSize'),
    ofPci('queue_msix_vector', VIRTIO_PCI_COMMON_Q_MSIX, 2, 'queueVector'),
    // A driver must not write 0: only a reset disables a queue.
    writable(enable, (value) => {
      if (value === 1) common.queueEnable = 1;
    }),
    // Each queue has a doorbell of its own.
    readOnly('queue_notify_off', VIRTIO_PCI_COMMON_Q_NOFF, 2, 'queueSelect'),
    half('queue_desc_lo', VIRTIO_PCI_COMMON_Q_DESCLO, Area.Descriptor, false),
    half('queue_desc_hi', VIRTIO_PCI_COMMON_Q_DESCHI, Area.Descriptor, true),
    half('queue_driver_lo', VIRTIO_PCI_COMMON_Q_AVAILLO, Area.Driver, false),
    half('queue_driver_hi', VIRTIO_PCI_COMMON_Q_AVAILHI, Area.Driver, true),
    half('queue_device_lo', VIRTIO_PCI_COMMON_Q_USEDLO, Area.Device, false),
    half('queue_device_hi', VIRTIO_PCI_COMMON_Q_USEDHI, Area.Device, true),
  ]);
}

type ReadableRegister = Register & Required<Pick<Register, 'read'>>;

function writable(register: ReadableRegister, write: (value: number) => void): Register {
  const whole = allOnes(register.size);
  return {
    ...register,
    write: (value, mask) => write(mask === whole ? value : ((register.read() & ~mask) | value) >>> 0),
  };
}
