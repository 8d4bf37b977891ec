import { optionsOf } from '@kvm/core/struct';
import { checkVersion, type DeviceState } from '../devices/device.js';
import type { PciFunction } from './bus.js';
import type { ConfigState } from './config-space.js';
import { Header } from './header.js';

/** QEMU's generic PCI host bridge, for which no guest has quirks. The device is 1af4:1100 as a part of it. */
const ids = {
  vendor: 0x1b36,
  device: 0x0008,
  subsystem: { vendor: 0x1af4, device: 0x1100 },
  class: 0x06_0000,
};

export interface HostBridgeState extends DeviceState {
  readonly config: ConfigState;
}

/** Device 0 of a PCI bus, through which the processors reach it. It has no registers of its own. */
export class HostBridge implements PciFunction {
  readonly name = 'pci-host';
  readonly ranges = [];
  readonly header = new Header(ids);

  read(): number {
    return 0;
  }

  write(): void {}

  save(): HostBridgeState {
    return { version: 1, config: this.header.save() };
  }

  load(state: HostBridgeState): void {
    const { config } = optionsOf(state, 'the state of a PCI host bridge', ['version', 'config']);
    checkVersion(state, 1, this.name);
    this.header.load(config);
  }
}
