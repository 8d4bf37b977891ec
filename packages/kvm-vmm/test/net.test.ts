import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { busybox, initrdOf, modules, noLinux, vmlinux } from './linux-guest.js';

/** Networks under Linux's driver. The kernels, and the driver of taps, are those of the lab, which runs these tests. */

const megabytes = 3;
const patience = 200_000;

/** The tap has 10.0.0.1. */
const work = (http: number, tcp: number): string => `busybox mkdir -p /www
busybox ifconfig lo 127.0.0.1 up
busybox ifconfig eth0 10.0.0.2 netmask 255.255.255.0 up
cd /sys/class/net/eth0
echo "eth0 $(busybox cat address) mtu $(busybox cat mtu) carrier $(busybox cat carrier)"
echo "features $(busybox cat device/features)"
busybox ping -c 3 -A 10.0.0.1 | busybox grep received
busybox ping -c 2 -A -s 8000 10.0.0.1 | busybox grep received
busybox wget -q -O /file http://10.0.0.1:${http}/
echo "downloaded $(busybox sha256sum < /file)"
busybox dd if=/dev/urandom of=/www/file bs=64k count=${megabytes * 16} 2>/dev/null
echo "made $(busybox sha256sum < /www/file)"
busybox nc 10.0.0.1 ${tcp} < /www/file
busybox httpd -h /www
echo "errors $(busybox grep -c . /sys/class/net/eth*/statistics/*_errors | busybox wc -l) \\
$(busybox cat /sys/class/net/eth*/statistics/*_errors | busybox sort -u)"
sum='/virtio0/ { for (i = 2; i <= NF; i++) n += $i } END { print (n > 0) }'
echo "interrupts $(busybox awk "$sum" /proc/interrupts)"
echo ready
read line
busybox poweroff -f
`;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '0.0.0.0', () => resolve((server.address() as AddressInfo).port));
  });
}

describeUnless(noLinux, 'networks under Linux', () => {
  let place: string;
  const content = randomBytes(megabytes * 2 ** 20);
  const server = createHttpServer((_, response) => response.end(content));
  let uploaded: Promise<string> | undefined;
  const sink = createServer((socket) => {
    const hash = createHash('sha256');
    uploaded = new Promise((resolve) => {
      socket.on('data', (chunk) => hash.update(chunk)).on('end', () => resolve(hash.digest('hex')));
    });
  });

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-net-'));
    const run = (...args: string[]): Buffer => execFileSync(busybox, args);
    const driver = readdirSync(modules).find((name) => name.endsWith('-tun.ko'));
    if (driver !== undefined && !existsSync('/dev/net/tun')) run('insmod', join(modules, driver));
    run('tunctl', '-t', 'tap0');
    run('ifconfig', 'tap0', '10.0.0.1', 'netmask', '255.255.255.0', 'up');
    const http = await listening(server);
    const tcp = await listening(sink);
    writeFileSync(join(place, 'initrd'), initrdOf(work(http, tcp), { drivers: /virtio_(mmio|net)|failover/ }));
  });
  afterAll(async () => {
    server.close();
    sink.close();
    await rm(place, { recursive: true });
  });

  test.each([
    ['native', 'mmio', 1],
    ['ffi', 'pci', 2],
  ] as const)(
    'carry pings and TCP both ways on %s by %s with %i CPUs',
    async (backend, transport, cpus) => {
      const tap = { type: 'tap', name: 'tap0', mac: '52:54:00:12:34:56', mtu: 1400 } as const;
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        transport,
        boot: linux({
          kernel: vmlinux,
          initrd: join(place, 'initrd'),
          cmdline: `console=ttyS0 panic=-1 quiet${transport === 'mmio' ? ' pci=off' : ''}`,
        }),
        net: [tap],
        kvm: { backend },
      });
      let text = '';
      const ready = new Promise<void>((resolve) => {
        machine.console.on('data', (chunk: Buffer) => {
          const part = chunk.toString('latin1').replaceAll('\r', '');
          process.stdout.write(part);
          text += part;
          if (text.includes('ready\n')) resolve();
        });
      });
      machine.start();
      await Promise.race([ready, machine.done]);
      process.stdout.write(`${JSON.stringify(machine.stats)}\n`);
      const made = /made ([0-9a-f]{64})/.exec(text)?.[1];
      const response = await fetch('http://10.0.0.2/file');
      expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(made);
      machine.console.write('\n');
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      expect(text).toContain('eth0 52:54:00:12:34:56 mtu 1400 carrier 1\n');
      expect(text).toMatch(/3 packets received(?:.|\n)*2 packets received/);
      expect(text).toContain(`downloaded ${sha256(content)}`);
      expect(await uploaded).toBe(made);
      expect(text).toMatch(/errors [1-9]\d* +0\n/);
      expect(text).toContain('interrupts 1\n');
    },
    patience,
  );
});
