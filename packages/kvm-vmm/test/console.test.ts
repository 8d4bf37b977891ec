import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { type Console, linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** The virtio console and ports under Linux's driver. The kernels are those of the lab, which runs these tests. */

/** Talks on its console, waits for another size of it, and answers on a port whose name it looks up as udev does. */
const work = `until [ -c /dev/hvc0 ]; do busybox sleep 0.1; done
exec < /dev/hvc0 > /dev/hvc0 2>&1
echo "size $(busybox stty size)"
busybox stty -echo
echo ready
read line
echo "read $line"
until [ "$(busybox stty size)" = '50 132' ]; do busybox sleep 0.1; done
echo "size $(busybox stty size)"
busybox mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*/name; do
  busybox ln -s "/dev/$(busybox basename $(busybox dirname $port))" "/dev/virtio-ports/$(busybox cat $port)"
done
echo "ports $(busybox ls /dev/virtio-ports | busybox tr '\\n' ' ')"
exec 3<> /dev/virtio-ports/org.example.agent
read question <&3
echo "answer to $question" >&3
busybox dd if=/dev/zero bs=4096 count=64 2>/dev/null >&3
exec 3>&-
busybox poweroff -f
`;

const patience = 200_000;

describeUnless(noLinux, "the virtio console under Linux's driver", () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-console-'));
    initrd = join(place, 'initrd');
    writeFileSync(initrd, initrdOf(work, { drivers: /virtio_mmio/ }));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 1, 'pci'],
    ['ffi', 2, 'mmio'],
  ] as const)(
    'is hvc0 with a size, beside named ports, on %s with %i CPUs by %s',
    async (backend, cpus, transport) => {
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        boot: linux({ kernel: vmlinux, initrd, cmdline: 'console=hvc0 panic=-1 quiet' }),
        console: 'virtio',
        ports: ['org.example.agent', 'org.example.other'],
        transport,
        kvm: { backend },
      });
      machine.resizeConsole(80, 25);
      let text = '';
      const answers: Buffer[] = [];
      const agent: Console = machine.port('org.example.agent');
      const answered = (async () => {
        for await (const chunk of agent as AsyncIterable<Buffer>) answers.push(chunk);
      })();
      agent.write('a question\n');
      machine.console.on('data', (chunk: Buffer) => {
        const before = text.length;
        text += chunk.toString('latin1').replaceAll('\r', '');
        const says = (line: string): boolean => text.indexOf(line, Math.max(0, before - line.length)) !== -1;
        if (says('ready\n')) machine.console.write('something\n');
        if (says('read something\n')) machine.resizeConsole(132, 50);
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      process.stdout.write(`${text}${JSON.stringify(machine.stats)}\n`);
      await answered;
      expect(text).toContain('size 25 80\n');
      expect(text).toContain('read something\nsize 50 132\n');
      expect(text).toContain('ports org.example.agent org.example.other \n');
      const answer = Buffer.concat(answers);
      const line = 'answer to a question\n';
      expect(answer.toString('latin1', 0, line.length)).toBe(line);
      expect(answer.length).toBe(line.length + 64 * 4096);
      expect(machine.readsConsole).toBe(true);
      expect(machine.stats.secondsToOutput).toBeGreaterThan(0);
    },
    patience,
  );
});
