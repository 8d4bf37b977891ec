import { KvmError, MmioAccess } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessSize } from '../../bus/registers.js';
import { DebugExit } from '../../devices/debug-exit.js';
import type { Device, DeviceState } from '../../devices/device.js';
import { InterruptLine } from '../../devices/interrupt-line.js';
import { Uart } from '../../devices/uart/uart.js';
import * as vmm from '../../index.js';
import { Devices } from '../../machine/devices.js';
import { PciBus, type PciFunction } from '../../pci/bus.js';
import { HostBridge } from '../../pci/host-bridge.js';
import { FixedAcpi } from './acpi/fixed-hardware.js';
import { HardwareReducedAcpi } from './acpi/hardware-reduced.js';
import { PmTimer } from './acpi/pm-timer.js';
import { FwCfg } from './fw-cfg/fw-cfg.js';
import { I8042 } from './i8042/i8042.js';
import { IoApic } from './ioapic/ioapic.js';
import { PciConfigPorts } from './pci-config-ports.js';
import { Pvpanic } from './pvpanic.js';
import { ResetControl } from './reset-control.js';
import { Rtc } from './rtc/rtc.js';
import { TestDevice } from './test-device.js';

/** Milliseconds. It moves as the guest runs, but not between a save and a load. */
interface Clock {
  now: number;
}

/** A new device of each kind. Its line records the levels that it is set to. */
const makers: Readonly<Record<string, (clock: Clock, levels: boolean[]) => Device>> = {
  DebugExit: () => new DebugExit(),
  'DebugExit of QEMU': () => new DebugExit({ status: 'qemu' }),
  FixedAcpi: (_, levels) => new FixedAcpi({ line: lineTo(levels) }),
  FwCfg: () => new FwCfg({ port: 0x510, cmdline: 'quiet', files: { 'opt/a': Buffer.from('abc') } }),
  HardwareReducedAcpi: (_, levels) => new HardwareReducedAcpi({ line: lineTo(levels) }),
  IoApic: () => new IoApic({ route: () => {}, raise: () => {} }),
  I8042: (_, levels) => new I8042({ line: lineTo(levels) }),
  PciConfigPorts: () => new PciConfigPorts(busOf(new HostBridge())),
  ResetControl: () => new ResetControl(),
  PmTimer: (clock) => new PmTimer({ clock: () => BigInt(clock.now) * 1_000_000n }),
  Pvpanic: () => new Pvpanic(),
  Rtc: (clock, levels) => new Rtc({ clock: () => clock.now, line: lineTo(levels) }),
  TestDevice: () => new TestDevice(),
  Uart: (_, levels) => new Uart({ output: () => {}, line: lineTo(levels) }),
};

function busOf(...functions: PciFunction[]): PciBus {
  const bus = new PciBus({ ecam: 0xe000_0000n, memory32: { start: 0xe800_0000n, length: 0x800_0000n } });
  for (const each of functions) bus.add(each);
  return bus;
}

function lineTo(levels: boolean[]): InterruptLine {
  return new InterruptLine((level) => levels.push(level));
}

/** A device has these methods; the object that has all devices cannot be read. */
const ofDevice = ['read', 'write', 'save', 'load'];

test('every exported device takes part', () => {
  const made = new Set(Object.values(makers).map((make) => make({ now: 0 }, []).constructor));
  const missing = Object.entries(vmm)
    .filter(([, value]) => typeof value === 'function' && ofDevice.every((name) => name in (value.prototype ?? {})))
    .filter(([, value]) => !made.has(value as never));
  expect(
    missing.map(([name]) => name),
    'devices that `makers`, at the top of this file, lacks',
  ).toEqual([]);
});

/** An access of a guest, to any place of any range; `value` is undefined for a read. */
const access = fc.record({
  range: fc.nat(2),
  offset: fc.oneof({ weight: 4, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(0x1_0000) }),
  size: fc.constantFrom<AccessSize>(1, 2, 4),
  value: fc.option(fc.oneof(fc.nat(0xff), fc.nat(0xffff_ffff), fc.constantFrom(0, 0xffff_ffff)), { nil: undefined }),
  /** Milliseconds until it. */
  delay: fc.oneof(fc.constant(0), fc.nat(5000)),
});
type Access = typeof access extends fc.Arbitrary<infer A> ? A : never;

/** Makes the access as a bus would, and returns what is read; undefined if it is a write or no access of the device. */
function perform(device: Device, clock: Clock, { range, offset, size, value, delay }: Access): number | undefined {
  clock.now += delay;
  const index = range % device.ranges.length;
  const length = Number(device.ranges[index]?.length);
  const at = offset % length;
  if (at + size > length) return undefined;
  if (value === undefined) return device.read(at, size, index);
  device.write(at, size, value % 2 ** (8 * size), index);
  return undefined;
}

function copyOf<T>(state: T): T {
  return JSON.parse(JSON.stringify(state));
}

test.each(Object.entries(makers))(
  '%s: any accesses leave a device that works, can be saved, and goes on',
  (_, make) => {
    const accesses = fc.array(access, { maxLength: 80 });
    fc.assert(
      fc.property(accesses, accesses, (before, after) => {
        const clock = { now: Date.UTC(2026, 11, 31, 23, 59, 58) };
        const levels: boolean[] = [];
        const device = make(clock, levels);
        const atFirst = JSON.stringify(device.save()).length;
        for (const each of before) {
          const value = perform(device, clock, each);
          if (value === undefined) continue;
          expect(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * each.size), `read ${value}`).toBe(true);
        }
        const state = copyOf(device.save());
        // Numbers have more digits than at first, and the UART has up to 16 bytes, but nothing grows with the accesses.
        expect(JSON.stringify(state).length).toBeLessThan(atFirst + 600);
        const restoredLevels: boolean[] = [];
        const restored = make(clock, restoredLevels);
        restored.load(state);
        expect(restored.save()).toEqual(device.save());
        expect(restored.save()).toEqual(state);
        expect(restored.outcome).toEqual(device.outcome);
        expect(restoredLevels.at(-1) ?? false).toBe(levels.at(-1) ?? false);
        const { now } = clock;
        const rest = [restored, device].map((each) => {
          clock.now = now;
          return after.map((step) => perform(each, clock, step));
        });
        expect(rest[0]).toEqual(rest[1]);
      }),
      { numRuns: 60 },
    );
  },
);

/** A value that a field of a state does not have, or may have. */
const odd = fc
  .oneof(
    fc.integer(),
    fc.double(),
    fc.constantFrom<unknown>(null, undefined, true, '', 'x', [], [1], {}, -1, 0x100, 2 ** 32, 2 ** 53, '__proto__'),
    fc.anything({ maxDepth: 1 }),
  )
  // JSON has no -0.
  .map((value) => (value === 0 ? 0 : value));

test.each(Object.entries(makers))('%s: a hostile state is refused as a whole, or taken on as a whole', (_, make) => {
  const clock = { now: 0 };
  const fields = Object.keys(make(clock, []).save());
  fc.assert(
    fc.property(
      fc.constantFrom(...fields, 'other'),
      odd,
      fc.array(access, { maxLength: 20 }),
      (field, value, steps) => {
        const device = make(clock, []);
        const own = copyOf(device.save());
        const state = { ...own, [field]: value };
        try {
          device.load(state);
        } catch (error) {
          expect(error).toBeInstanceOf(KvmError);
          expect(device.save()).toEqual(own);
          return;
        }
        expect(device.save()).toEqual(state);
        for (const step of steps) perform(device, clock, step);
        make(clock, []).load(copyOf(device.save()));
      },
    ),
    { numRuns: 200 },
  );
  for (const state of [undefined, null, 5, [], 'x', {}]) {
    expect(() => make(clock, []).load(state as unknown as DeviceState)).toThrow(KvmError);
  }
});

test('all devices fit on the buses of one machine, where any port and address can be accessed', () => {
  const clock = { now: 0 };
  const devices = new Devices();
  const alternatives = ['DebugExit', 'HardwareReducedAcpi', 'ResetControl'];
  for (const [name, make] of Object.entries(makers)) if (!alternatives.includes(name)) devices.add(make(clock, []));
  const wrong: number[] = [];
  for (let port = 0; port < 0x1_0000; port++) {
    for (const size of [1, 2, 4] as const) {
      const value = devices.pio.read(port, size);
      if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) wrong.push(port);
      devices.pio.write(port, size, 2 ** (8 * size) - 1 - (port & 1));
    }
  }
  expect(wrong).toEqual([]);
  const mmio = new MmioAccess();
  for (let address = 0xfeff_fff8n; address < 0xff01_0010n; address += 3n) {
    for (const [len, isWrite] of [
      [8, true],
      [3, false],
      [1, true],
      [4, false],
    ] as const) {
      mmio.assign({ physAddr: address, len, isWrite });
      devices.mmio.dispatch(mmio);
    }
  }
  const states = copyOf(devices.save());
  devices.load(states);
  expect(devices.save()).toEqual(states);
});
