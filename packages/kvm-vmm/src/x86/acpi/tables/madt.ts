import { integer, optionsOf, u32 } from '@kvm/core/struct';
import { join, littleEndian } from '../aml/bytes.js';
import { signalBits } from '../aml/resource.js';
import type { CheckedPlatform } from '../check-platform.js';
import type { InterruptOverride } from '../platform.js';
import { table } from './header.js';

/** That of ACPI 6.0 to 6.2. From 5 on a processor has one flag more, which nobody needs here. */
const revision = 4;
const localApicAddress = 0xfee0_0000;
/** 255 is the broadcast address of APICs whose ids have 8 bits. */
const mostLocalApics = 255;
const enabled = 1;
const hasPics = 1;
const everyProcessor = { apic: 0xff, x2apic: 0xffff_ffff };
const lint1 = 1;

const Entry = { localApic: 0, ioApic: 1, override: 2, nmi: 4, x2apic: 9, x2apicNmi: 10 } as const;

/** The interrupt controllers: a local APIC for each processor, the I/O APIC, what differs from ISA, and the NMI. */
export function madt(platform: CheckedPlatform): Uint8Array {
  const { cpus, ioApic, hardwareReduced, overrides, pics, sci } = platform;
  const entries = Array.from({ length: cpus }, (_, id) => processor(id));
  entries.push(entry(Entry.ioApic, ioApic.id, 0, littleEndian(ioApic.address, 4), littleEndian(ioApic.gsiBase, 4)));
  if (!hardwareReduced) {
    // PCI's drivers share the SCI, so it has a level, unlike the other interrupts of ISA.
    const known = overrides.some(({ irq }) => irq === sci);
    const all = known ? overrides : [...overrides, { irq: sci, gsi: sci, trigger: 'level' } as const];
    entries.push(...all.map(override));
  }
  entries.push(entry(Entry.nmi, everyProcessor.apic, littleEndian(0, 2), lint1));
  if (cpus > mostLocalApics) {
    entries.push(entry(Entry.x2apicNmi, littleEndian(0, 2), littleEndian(everyProcessor.x2apic, 4), lint1, [0, 0, 0]));
  }
  const flags = pics ? hasPics : 0;
  return table('APIC', revision, join(littleEndian(localApicAddress, 4), littleEndian(flags, 4), ...entries));
}

function processor(id: number): Uint8Array {
  if (id < mostLocalApics) return entry(Entry.localApic, id, id, littleEndian(enabled, 4));
  return entry(Entry.x2apic, [0, 0], littleEndian(id, 4), littleEndian(enabled, 4), littleEndian(id, 4));
}

function override(each: InterruptOverride): Uint8Array {
  const {
    irq,
    gsi,
    trigger = 'edge',
    polarity = 'high',
  } = optionsOf(each, 'an interrupt override', ['irq', 'gsi', 'trigger', 'polarity']);
  integer(irq, 0, 15, 'an IRQ');
  const { edge, low } = signalBits({ trigger, polarity });
  const flags = (low === 1 ? 0b11 : 0b01) | (edge === 1 ? 0b0100 : 0b1100);
  const isa = 0;
  return entry(Entry.override, isa, irq, littleEndian(u32(gsi, 'a GSI'), 4), littleEndian(flags, 2));
}

function entry(type: number, ...fields: readonly (Uint8Array | number | number[])[]): Uint8Array {
  const body = join(...fields);
  return join(type, body.length + 2, body);
}
