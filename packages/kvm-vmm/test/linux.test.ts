import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendName } from '@kvm/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { type BootProtocol, linux, Machine, type MachineDocument, type Outcome } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** Linux in the machine. The kernels are those of the lab, which runs these tests. */

const bzImage = process.env['KVM_LAB_DISTRIBUTED_KERNEL'];

/** What the guest reports, and how it ends: by the last word of its command line. */
const work = `echo "cpus $(busybox nproc)"
echo "memory $(busybox awk '/MemTotal/ { print $2 }' /proc/meminfo)"
echo "time $(busybox date +%s)"
echo "clock $(busybox cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
# Turns the machine off after an interrupt of the power button, whose driver it names.
await() {
  echo waiting
  until busybox awk -v driver="$1" '$0 ~ driver { sum += $2 + $3 } END { exit sum == 0 }' /proc/interrupts
  do busybox sleep 0.2; done
  busybox poweroff -f
}
case $(busybox cat /proc/cmdline) in
  *end=off) busybox poweroff -f ;;
  *end=reboot) busybox reboot -f ;;
  *end=panic) echo c > /proc/sysrq-trigger ;;
  *end=ged) await ACPI:Ged ;;
  # The button is not enabled without its driver: its bit of PM1_EN.
  *end=sci)
    printf '\\000\\001' | busybox dd of=/dev/port bs=1 seek=$((0x602)) conv=notrunc 2>/dev/null
    await acpi$ ;;
  *end=echo) read line; echo "read $line"; busybox poweroff -f ;;
esac
`;

/** A bzImage unpacks itself, which takes a minute under emulation. */
const patience = 200_000;

describeUnless(noLinux, 'Linux', () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-linux-'));
    initrd = join(place, 'initrd');
    writeFileSync(initrd, initrdOf(work));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each<[BackendName, BootProtocol, number, string, Outcome['kind'], Partial<MachineDocument>]>([
    ['native', 'pvh', 1, 'ged', 'power-off', { interrupts: 'split' }],
    ['ffi', 'elf64', 2, 'reboot', 'reboot', {}],
    ['native', 'pvh', 2, 'panic', 'reboot', { acpi: 'full' }],
    ['ffi', 'bzimage', 1, 'echo', 'power-off', {}],
    ['ffi', 'pvh', 2, 'sci', 'power-off', { acpi: 'full', interrupts: 'split' }],
  ])(
    'boots on %s by %s with %i CPUs, and ends by %s: %s, %o',
    async (backend, protocol, cpus, end, kind, board) => {
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        ...board,
        boot: linux({
          kernel: (protocol === 'bzimage' ? bzImage : vmlinux) as string,
          initrd,
          cmdline: `console=ttyS0 panic=-1 pci=off quiet end=${end}`,
          protocol,
        }),
        kvm: { backend },
      });
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (text.endsWith('waiting\r\n')) machine.pressPowerButton();
      });
      const before = Math.floor(Date.now() / 1000);
      machine.start();
      if (end === 'echo') machine.console.write('something\n');
      expect(await machine.done).toEqual({ kind });
      const after = Math.ceil(Date.now() / 1000);
      expect(text).toContain(`cpus ${cpus}\r\n`);
      const number = (name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
      // In KiB: what the kernel takes for itself is missing.
      expect(number('memory')).toBeGreaterThan(180 * 1024);
      expect(number('memory')).toBeLessThanOrEqual(256 * 1024);
      expect(number('time')).toBeGreaterThanOrEqual(before - 1);
      expect(number('time')).toBeLessThanOrEqual(after + 1);
      if (end === 'echo') expect(text).toContain('read something');
      expect(machine.stats.exitCount).toBeGreaterThan(100);
    },
    patience,
  );
});
