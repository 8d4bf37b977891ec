import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { type DiskOptions, linux, Machine, type MachineOptions } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** Disks under Linux's driver and its ext4. The kernels are those of the lab, which runs these tests. */

/** Reads what the host has put there, writes a file, and looks at what the driver has made of each disk. */
const useDisks = `
busybox mount -t ext4 /dev/vda /disk
echo "greeting $(busybox cat /disk/folder/greeting)"
busybox dd if=/dev/urandom of=/disk/random bs=64k count=64 2>/dev/null
busybox sha256sum /disk/random
busybox umount /disk
echo "vda $(busybox cat /sys/block/vda/size) $(busybox cat /sys/block/vda/queue/physical_block_size) \\
$(busybox cat /sys/block/vda/queue/write_cache), $(busybox ls /sys/block/vda/mq | busybox wc -l) queues"
busybox mount -t ext4 /dev/vdb /disk
busybox rm /disk/folder/greeting
echo changed > /disk/folder/changed
busybox umount /disk
busybox mount -t ext4 /dev/vdb /disk
echo "overlay $(busybox ls /disk/folder)"
busybox umount /disk
echo "vdc $(busybox cat /sys/block/vdc/ro) $(busybox cat /sys/block/vdc/serial)"
busybox dd if=/dev/zero of=/dev/vdc bs=512 count=1 2>/dev/null || echo "vdc is read-only"
cd /sys/block/vda/queue
echo "discard $(busybox cat discard_max_bytes) zero $(busybox cat write_zeroes_max_bytes)"
sum='/virtio0/ { for (i = 2; i <= NF; i++) n += $i } END { print (n > 0) }'
echo "interrupts $(busybox awk "$sum" /proc/interrupts)"
`;

/** Writes files and flushes each, until the host kills it. */
const writeForEver = `
busybox mount -t ext4 /dev/vda /disk
number=0
while true; do
  number=$((number + 1))
  busybox dd if=/dev/urandom of=/disk/file$number bs=4k count=3 conv=fsync 2>/dev/null
  busybox fsync /disk
  echo "safe $number $(busybox sha256sum < /disk/file$number)"
done
`;

const patience = 200_000;

describeUnless(noLinux, 'disks under Linux', () => {
  let place: string;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-disks-'));
    mkdirSync(join(place, 'content/folder'), { recursive: true });
    writeFileSync(join(place, 'content/folder/greeting'), 'hello from the host');
  });
  afterAll(() => rm(place, { recursive: true }));

  /** Makes an image with an ext4 file system, of 64 MiB. */
  function image(name: string): string {
    const path = join(place, name);
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', join(place, 'content'), path, '64M']);
    return path;
  }

  function options(work: string, disks: DiskOptions[]): MachineOptions {
    const initrd = join(place, 'initrd');
    writeFileSync(
      initrd,
      initrdOf(`busybox mkdir /disk\n${work}\nbusybox poweroff -f\n`, {
        drivers: /virtio(?!_net|_transport)|ext4|crc|jbd2|mbcache/,
      }),
    );
    const boot = linux({ kernel: vmlinux, initrd, cmdline: 'console=ttyS0 panic=-1 pci=off quiet' });
    return { memory: '256M', boot, disks };
  }

  /** A file of an image that a guest has used, by the tools of ext4. */
  function fileIn(path: string, name: string): Buffer {
    return execFileSync('debugfs', ['-R', `cat ${name}`, path], {
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 2 ** 26,
    });
  }

  test.each([
    ['native', 1],
    ['ffi', 2],
  ] as const)(
    'are read and written on %s with %i CPUs',
    async (backend, cpus) => {
      const [root, base, data] = [image('root.img'), image('base.img'), image('data.img')];
      const before = readFileSync(base);
      await using machine = await Machine.create({
        ...options(useDisks, [
          { path: root },
          { path: base, overlay: true },
          { path: data, readOnly: true, serial: 'a-serial-number' },
        ]),
        cpus,
        kvm: { backend },
      });
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1').replaceAll('\r', '');
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      process.stdout.write(`${text}${JSON.stringify(machine.stats)}\n`);
      expect(text).toContain('greeting hello from the host\n');
      expect(text).toContain(`vda 131072 4096 write back, ${cpus} queues\n`);
      expect(text).toContain('overlay changed\n');
      expect(text).toContain('vdc 1 a-serial-number\nvdc is read-only\n');
      expect(text).toMatch(/discard [1-9]\d* zero [1-9]\d*\n/);
      expect(text).toContain('interrupts 1\n');
      const [hash] = /^[0-9a-f]{64}(?= {2}\/disk\/random)/m.exec(text) ?? [];
      expect(createHash('sha256').update(fileIn(root, 'random')).digest('hex')).toBe(hash);
      expect(Buffer.compare(readFileSync(base), before)).toBe(0);
    },
    patience,
  );

  test(
    'keep what was flushed when the process is killed',
    async () => {
      const path = image('killed.img');
      const module = new URL('../dist/index.js', import.meta.url).href;
      const program = `import { Machine } from ${JSON.stringify(module)};
        const machine = await Machine.create(${JSON.stringify(options(writeForEver, [{ path }]))});
        machine.console.pipe(process.stdout);
        machine.start();
        await machine.done;`;
      const script = join(place, 'program.mjs');
      writeFileSync(script, program);
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      for await (const chunk of child.stdout) {
        text += String(chunk).replaceAll('\r', '');
        if (text.includes('safe 4 ')) child.kill('SIGKILL');
      }
      // As a guest that starts again does: what the journal has is replayed.
      try {
        execFileSync('e2fsck', ['-fy', path], { stdio: 'ignore' });
      } catch (error) {
        expect((error as { status: number }).status, text).toBe(1);
      }
      const safe = [...text.matchAll(/^safe (\d+) ([0-9a-f]{64})/gm)];
      expect(safe.length, text).toBeGreaterThanOrEqual(3);
      for (const [, number, hash] of safe) {
        expect(
          createHash('sha256')
            .update(fileIn(path, `file${number}`))
            .digest('hex'),
        ).toBe(hash);
      }
    },
    patience,
  );
});
