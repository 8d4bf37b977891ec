import { ecamSize } from '../../pci/bus.js';
import type { Aml } from './aml/bytes.js';
import { hardwareId, packageOf, uuid } from './aml/data.js';
import { path } from './aml/names.js';
import { arg, dwordField, method, name } from './aml/objects.js';
import type { Resource } from './aml/resource.js';
import { and, equal, ifElse, not, or, returns } from './aml/statements.js';
import type { AcpiDevice } from './platform.js';

/** The ports of configuration space, which the bridge itself takes. */
const configPorts = { type: 'io', port: 0xcf8, length: 8 } as const;
/** A package of `_PRT` is for all functions of a device. */
const everyFunction = 0xffff;

/** What the guest is told of a PCI bus. Addresses are guest-physical. */
export interface DescribedPci {
  /** Configuration space in memory. */
  readonly ecam: bigint;
  /** Where BARs may be. */
  readonly windows: readonly { readonly start: bigint; readonly length: bigint }[];
  /** The GSI of pin INTA# of each device that has one, by device number. */
  readonly interrupts: ReadonlyMap<number, number>;
}

/** The host bridge of a PCI bus, and a device that keeps its configuration space from other uses, as Linux asks. */
export function pciHost({ ecam, windows, interrupts }: DescribedPci): readonly AcpiDevice[] {
  return [
    {
      name: 'PCI0',
      hid: 'PNP0A08',
      uid: 0,
      resources: [
        { type: 'busNumbers', first: 0, last: 0 },
        configPorts,
        ...windows.map((window): Resource => ({ type: 'memoryWindow', ...window })),
      ],
      objects: [
        name('_CID', hardwareId('PNP0A03')),
        name('_SEG', 0),
        name('_BBN', 0),
        ...routingTable(interrupts),
        operatingSystemCapabilities(),
      ],
    },
    { name: 'MCFG', hid: 'PNP0C02', uid: 0, resources: [{ type: 'memory', start: ecam, length: ecamSize }] },
  ];
}

/** `_PRT`: device and pin, no link device, and the GSI. */
function routingTable(interrupts: DescribedPci['interrupts']): readonly Aml[] {
  if (interrupts.size === 0) return [];
  const entries = [...interrupts].map(([device, gsi]) => packageOf([device * 0x1_0000 + everyFunction, 0, 0, gsi]));
  return [name('_PRT', packageOf(entries))];
}

const pciHostBridge = '33db4d5b-1ff7-401c-9657-7441c03dd766';
/** Bits of the first word of what `_OSC` gets and returns. ACPI 6.5, 6.2.11. */
const Status = { unknownUuid: 4, unknownRevision: 8 } as const;
const revision = 1;
/** Native hot-plug, power management events, error reporting and the capability of PCI Express. */
const everyControl = 0x1f;

/** `_OSC`: the guest may control what it likes, for there is no firmware that would. PCI Firmware 3.0, 4.5.1. */
function operatingSystemCapabilities(): Aml {
  const [id, given, buffer] = [arg(0), arg(1), arg(3)];
  const status = path('CDW1');
  const control = path('CDW3');
  return method(
    '_OSC',
    { args: 4, serialized: true },
    dwordField(buffer, 0, 'CDW1'),
    ifElse(
      equal(id, uuid(pciHostBridge)),
      [
        dwordField(buffer, 8, 'CDW3'),
        and(control, everyControl, control),
        ifElse(not(equal(given, revision)), [or(status, Status.unknownRevision, status)]),
      ],
      [or(status, Status.unknownUuid, status)],
    ),
    returns(buffer),
  );
}
