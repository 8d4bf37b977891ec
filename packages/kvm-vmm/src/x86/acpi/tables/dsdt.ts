import { KvmError } from '@kvm/core';
import { optionsOf, u32 } from '@kvm/core/struct';
import { type Aml, join } from '../aml/bytes.js';
import { hardwareId, packageOf } from '../aml/data.js';
import { path } from '../aml/names.js';
import { device, field, local, method, name, operationRegion, scope } from '../aml/objects.js';
import { resourceTemplate } from '../aml/resource-template.js';
import { and, ifElse, notify, store } from '../aml/statements.js';
import type { CheckedPlatform } from '../check-platform.js';
import { type AcpiDevice, type GenerationId, type PowerButton, sleepTypeOff } from '../platform.js';
import { table } from './header.js';

/** Integers have 64 bits from this revision on. */
const revision = 2;
const pressed = 0x80;
const buttonName = 'PWRB';
const eventsName = 'GED';
const generationName = 'VGEN';
const changed = 0x80;
const twoTo32 = 2n ** 32n;

/** The devices, and how to turn the machine off. */
export function dsdt({ devices, powerButton, generationId, sleep, pm1 }: CheckedPlatform): Uint8Array {
  const objects = devices.map(describe);
  const names = devices.map((each) => each.name);
  if (powerButton !== undefined) {
    names.push(buttonName, eventsName);
    objects.push(...buttonDevices(powerButton, generationId));
  }
  if (generationId !== undefined) {
    names.push(generationName);
    objects.push(generationDevice(generationId));
  }
  const twice = names.find((each, i) => names.indexOf(each) !== i);
  if (twice !== undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `two devices of the ACPI tables have the name ${twice}`);
  }
  const off = name('_S5', packageOf([sleepTypeOff, sleepTypeOff, 0, 0]));
  const tree = scope('\\_SB', ...objects);
  return table('DSDT', revision, sleep === undefined && pm1 === undefined ? tree : join(tree, off));
}

function describe(given: AcpiDevice): Aml {
  const known = ['name', 'hid', 'uid', 'resources', 'objects'] as const;
  const { name: own, hid, uid, resources, objects = [] } = optionsOf(given, 'a device of the ACPI tables', known);
  if (!Array.isArray(objects) || !objects.every((each) => each instanceof Uint8Array)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the objects of ${own} must be an array of AML`);
  }
  if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(own)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${JSON.stringify(own)} is not the name of an ACPI device`, {
      hint: 'up to four capital letters, digits and underscores, without a digit first',
    });
  }
  const parts = [name('_HID', hardwareId(hid))];
  if (uid !== undefined) parts.push(name('_UID', u32(uid, `the uid of ${own}`)));
  if (resources !== undefined) parts.push(name('_CRS', resourceTemplate(resources)));
  return device(own, ...parts, ...objects);
}

/** The device that drivers know by its compatible id. Its `ADDR` has the halves of the address. */
function generationDevice({ address }: GenerationId): Aml {
  const id = 'VM_Gen_Counter';
  return describe({
    name: generationName,
    hid: 'QEMU0003',
    objects: [name('_CID', id), name('_DDN', id), name('ADDR', packageOf([address % twoTo32, address / twoTo32]))],
  });
}

/**
 * A power button, and a Generic Event Device that reports it: for its interrupt the guest calls `_EVT`, which reads
 * what has happened.
 */
function buttonDevices({ gsi, eventsPort, mask = 2 }: PowerButton, generation: GenerationId | undefined): Aml[] {
  const [region, events, happened] = ['EREG', 'EVTS', local(0)];
  return [
    describe({ name: buttonName, hid: 'PNP0C0C', uid: 0 }),
    describe({
      name: eventsName,
      hid: 'ACPI0013',
      uid: 0,
      resources: [{ type: 'interrupt', gsi, trigger: 'level' }],
      objects: [
        operationRegion(region, 'io', eventsPort, 4),
        field(region, { access: 'dword' }, [[events, 32]]),
        method(
          '_EVT',
          { args: 1, serialized: true },
          store(path(events), happened),
          ifElse(and(happened, mask), [notify(buttonName, pressed)]),
          ...(generation === undefined
            ? []
            : [ifElse(and(happened, generation.mask ?? 0x40), [notify(generationName, changed)])]),
        ),
      ],
    }),
  ];
}
