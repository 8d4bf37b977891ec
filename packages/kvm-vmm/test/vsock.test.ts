import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** Sockets under Linux's driver. The kernels are those of the lab, which runs these tests. */

const megabytes = 1;
const many = 100;

/** The guest's programs; each direction is compared by its hash. */
const work = `busybox dd if=/dev/urandom of=/bytes bs=64k count=${16 * megabytes} 2>/dev/null
echo "bytes $(busybox sha256sum < /bytes)"
/vsock connect 2 1024 < /bytes > /echo
echo "program $(busybox sha256sum < /echo)"
/vsock connect 2 1025 < /bytes > /echo
echo "socket $(busybox sha256sum < /echo)"
/vsock connect 2 9 < /dev/null
echo "refused $?"
/vsock many 2 1024 ${many}
echo "many $?"
/vsock listen 5000 < /bytes > /got
echo "got $(busybox sha256sum < /got)"
/vsock listen 5001 < /bytes > /got
echo "got $(busybox sha256sum < /got)"
busybox poweroff -f
`;

const patience = 300_000;
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What a stream reads to its end. `buffer` of Node would destroy it then, with what it has yet to write. */
function received(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.once('end', () => resolve(Buffer.concat(parts))).once('error', reject);
  });
}

describeUnless(noLinux, "vsock under Linux's driver", () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-vsock-'));
    initrd = join(place, 'initrd');
    const program = join(place, 'vsock');
    const source = fileURLToPath(new URL('vsock-guest.c', import.meta.url));
    const flags = ['-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-O1'];
    execFileSync('clang-19', [...flags, '-o', program, source]);
    writeFileSync(
      initrd,
      initrdOf(work, { drivers: /virtio_(mmio|pci)|vsock/, files: { vsock: readFileSync(program) } }),
    );
  }, patience);
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 'mmio', 1],
    ['ffi', 'pci', 2],
  ] as const)(
    'carries bytes both ways, on %s by %s with %i CPUs',
    async (backend, transport, cpus) => {
      const path = join(place, `${backend}.sock`);
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        boot: linux({ kernel: vmlinux, initrd, cmdline: 'console=ttyS0 panic=-1 quiet' }),
        vsock: { path, cid: 42 },
        transport,
        kvm: { backend },
      });
      // What the guest connects to: a listener in this program, and a Unix socket.
      let live = 0;
      let most = 0;
      machine.vsock.listen(1024, (connection) => {
        most = Math.max(most, ++live);
        connection.once('close', () => live--);
        connection.pipe(connection);
      });
      const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(`${path}_1025`);
      // What connects to the guest: a Unix socket, then this program.
      const outgoing = [randomBytes(megabytes * 2 ** 20), randomBytes(megabytes * 2 ** 20)] as const;
      const incoming: string[] = [];
      const connectToGuest = async (): Promise<void> => {
        const first = connect({ path, allowHalfOpen: true });
        first.write('CONNECT 5000\n');
        await once(first, 'readable');
        expect(String(first.read(14))).toMatch(/^OK \d{10}\n$/);
        first.end(outgoing[0]);
        incoming.push(hashOf(await received(first)));
      };
      const connectAgain = async (): Promise<void> => {
        const second = await machine.vsock.connect(5001);
        second.end(outgoing[1]);
        incoming.push(hashOf(await received(second)));
      };
      let text = '';
      let connecting = Promise.resolve();
      const steps = [connectToGuest, connectAgain];
      machine.console.on('data', (chunk: Buffer) => {
        const before = text.split('listening\n').length;
        process.stdout.write(chunk);
        text += chunk.toString('latin1').replaceAll('\r', '');
        if (text.split('listening\n').length > before) connecting = connecting.then(steps.shift());
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      process.stdout.write(`${JSON.stringify(machine.stats)}\n`);
      await connecting;
      server.close();
      const [hash] = /(?<=^bytes )[0-9a-f]{64}/m.exec(text) ?? [];
      expect(text).toContain(`program ${hash}`);
      expect(text).toContain(`socket ${hash}`);
      expect(text).toContain('refused 104\n');
      expect(text).toContain('many 0\n');
      expect(most).toBe(many);
      for (const bytes of outgoing) expect(text).toContain(`got ${hashOf(bytes)}`);
      expect(incoming).toEqual([hash, hash]);
    },
    patience,
  );
});
