import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** The PCI bus under Linux. The kernels are those of the lab, which runs these tests. */

/** Lists the bus, reads random bytes, and reports what the kernel says of it. */
const work = `for device in /sys/bus/pci/devices/*; do
  echo "\${device##*/} $(busybox cat $device/class $device/vendor $device/device | busybox xargs) \\
    $(busybox ls $device)" |
    busybox tr '\\n' ' '
  echo
done
busybox dd if=/dev/hwrng of=/bytes bs=4096 count=16 2>/dev/null
echo "bytes $(busybox wc -c < /bytes)"
echo "source $(busybox cat /sys/class/misc/hw_random/rng_current)"
busybox grep -i virtio /proc/interrupts
busybox grep -i 'pci\\|virtio\\|0000:' /proc/iomem
busybox dmesg | busybox grep -i 'pci\\|ecam\\|mmconfig'
busybox poweroff -f
`;

const patience = 300_000;

describeUnless(noLinux, 'a PCI bus under Linux', () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-pci-'));
    initrd = join(place, 'initrd');
    writeFileSync(initrd, initrdOf(work, { drivers: /./ }));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 1, '', /^ *\d+: .* PCI-MSI(X|-edge| \d|.*edge).*virtio0-/m],
    ['ffi', 2, 'pci=nomsi', /^ *\d+: .* IO-APIC +17-fasteoi +virtio0/m],
  ] as const)(
    'is found on %s with %i CPUs, and its device works, with "%s"',
    async (backend, cpus, parameters, interrupt) => {
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        boot: linux({ kernel: vmlinux, initrd, cmdline: `console=ttyS0 panic=-1 quiet ${parameters}` }),
        rng: { bytesPerSecond: 2 ** 22 },
        transport: 'pci',
        kvm: { backend },
      });
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1').replaceAll('\r', '');
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      expect(text).toMatch(/^0000:00:00\.0 0x060000 0x1b36 0x0008 /m);
      expect(text).toMatch(/^0000:00:01\.0 0xff0000 0x1af4 0x1044 .* driver .* virtio0 /m);
      expect(text).toMatch(/^bytes 65536$/m);
      expect(text).toMatch(/^source virtio_rng\.0$/m);
      expect(text).toMatch(interrupt);
      expect(text).toMatch(/e0000000-e00fffff : PCI (ECAM|MMCONFIG) 0000 \[bus 00-00\]/);
      expect(text).toMatch(/e8000000-e8007fff : 0000:00:01\.0/);
      // Before ACPI's devices are known, a kernel takes no ECAM.
      expect(text).toMatch(/(ECAM|MMCONFIG) .* reserved as ACPI motherboard resource/);
      expect(text).not.toMatch(/No config space access function found|can't (claim|assign)/);
    },
    patience,
  );
});
