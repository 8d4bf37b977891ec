import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** The balloon under Linux's driver. The kernels are those of the lab, which runs these tests. */

/** Uses 96 MiB of memory and frees them, then looks at how much there is once the host says so. */
const work = `busybox mkdir -p /memory
busybox mount -t tmpfs -o size=128M memory /memory
busybox dd if=/dev/zero of=/memory/file bs=1M count=96 2>/dev/null
echo full
read answer
busybox rm /memory/file
echo empty
read answer
echo "free $(busybox awk '/MemFree/ { print $2 }' /proc/meminfo)"
read answer
busybox poweroff -f
`;

const mebibyte = 2 ** 20;
const patience = 300_000;

describeUnless(noLinux, "the balloon under Linux's driver", () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-balloon-'));
    initrd = join(place, 'initrd');
    writeFileSync(initrd, initrdOf(work, { drivers: /virtio_(mmio|balloon)/ }));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 'mmio', true],
    ['ffi', 'pci', false],
  ] as const)(
    'gives memory back to the host on %s by %s (free page reporting: %s)',
    async (backend, transport, reporting) => {
      await using machine = await Machine.create({
        memory: '256M',
        boot: linux({ kernel: vmlinux, initrd, cmdline: 'console=ttyS0 panic=-1 quiet' }),
        balloon: { reporting },
        transport,
        kvm: { backend },
      });
      const held = (): number => process.memoryUsage.rss();
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1').replaceAll('\r', '');
      });
      const until = async (isSo: () => boolean): Promise<void> => {
        while (!isSo()) await sleep(50);
      };
      const go = (): boolean => machine.console.write('go\n');
      machine.start();
      await until(() => text.includes('full\n'));
      const full = held();
      go();
      await until(() => text.includes('empty\n'));
      // Reports come a few seconds after the pages are free.
      if (reporting) await until(() => held() < full - 64 * mebibyte);
      const before = await machine.balloon.stats();
      machine.balloon.setTarget('112M');
      await until(() => machine.balloon.size === 112 * mebibyte);
      const inflated = held();
      const after = await machine.balloon.stats();
      go();
      await until(() => /free \d+\n/.test(text));
      machine.balloon.setTarget(0);
      await until(() => machine.balloon.size === 0);
      const deflated = await machine.balloon.stats();
      go();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      const numbers = { full, inflated, before, after, deflated };
      const shown = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
      process.stdout.write(`${text}${JSON.stringify(numbers, shown)}\n`);
      expect(inflated).toBeLessThan(full - 64 * mebibyte);
      const free = (stats: typeof before): number => Number(stats.memfree) / mebibyte;
      expect(free(after)).toBeLessThan(free(before) - 64);
      expect(free(deflated)).toBeGreaterThan(free(after) + 64);
      expect(Number(/free (\d+)/.exec(text)?.[1]) / 1024).toBeLessThan(free(before) - 64);
    },
    patience,
  );
});
