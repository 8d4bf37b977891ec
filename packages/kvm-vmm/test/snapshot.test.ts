import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** A Linux guest that is saved while it computes and writes to its disk, and goes on in other machines. */

/**
 * Each answer has a secret of this boot, a number of the generator, how often the disk was written, and how often the
 * kernel was told that it was restored.
 */
const work = `
busybox mkdir /disk
busybox mount -t ext4 /dev/vda /disk
secret=$(busybox head -c 8 /dev/urandom | busybox hexdump -e '8/1 "%02x"')
( number=0
  while true; do
    number=$((number + 1))
    busybox dd if=/dev/urandom of=/disk/file bs=4k count=16 conv=fsync 2>/dev/null
    busybox sha256sum /disk/file > /disk/sum
    busybox sync
    echo $number > /number
    busybox sha256sum -c -s /disk/sum || echo "the disk has changed"
  done ) &
while [ ! -e /number ]; do busybox usleep 100000; done
echo "ready"
while read command; do
  if [ $command = end ]; then
    busybox kill $! && wait $!
    busybox umount /disk
    busybox poweroff -f
  fi
  random=$(busybox head -c 8 /dev/urandom | busybox hexdump -e '8/1 "%02x"')
  forks=$(busybox dmesg | busybox grep -c "virtual machine fork")
  echo "answer $command $secret $random $(busybox cat /number) $forks"
done
`;

const patience = 300_000;

/** A machine's console as lines. */
function dialogue(machine: Machine) {
  let text = '';
  const waiting = new Set<() => void>();
  machine.console.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1').replaceAll('\r', '');
    for (const look of waiting) look();
  });
  const match = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = pattern.exec(text);
        if (found === null) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const ask = async (name: string) => {
    machine.console.write(`${name}\n`);
    const answer = new RegExp(`answer ${name} (\\w{16}) (\\w{16}) (\\d+) (\\d+)\n`);
    const [, secret, random, number, forks] = await match(answer);
    return { secret, random, number: Number(number), forks: Number(forks) };
  };
  return { ask, match, text: () => text };
}

describeUnless(noLinux, 'a snapshot of Linux', () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-snapshot-'));
    initrd = join(place, 'initrd');
    writeFileSync(
      initrd,
      initrdOf(work, { drivers: /virtio_(mmio|pci|blk)|virtio_rng|vmgenid|ext4|crc|jbd2|mbcache/ }),
    );
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 'ffi', 'mmio', 1],
    ['ffi', 'native', 'pci', 2],
  ] as const)(
    'is taken on %s and goes on with %s, by %s with %i CPUs',
    async (backend, other, transport, cpus) => {
      const [disk, copy, second] = ['disk', 'copy', 'second'].map((name) => join(place, `${name}-${backend}`)) as [
        string,
        string,
        string,
      ];
      const folder = join(place, `saved-${backend}`);
      execFileSync('mke2fs', ['-q', '-t', 'ext4', disk, '32M']);
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        boot: linux({ kernel: vmlinux, initrd, cmdline: 'console=ttyS0 panic=-1 quiet' }),
        disks: [{ path: disk }],
        rng: true,
        transport,
        kvm: { backend },
      });
      const first = dialogue(machine);
      machine.start();
      await first.match(/^ready$/m);
      const before = await first.ask('one');
      expect(before.forks).toBe(0);

      // While it writes to its disk; the snapshot after that replaces this one.
      await machine.snapshot(folder);
      const { number } = await first.ask('two');
      expect(number).toBeGreaterThanOrEqual(before.number);

      await machine.pause();
      await machine.snapshot(folder);
      for (const path of [copy, second]) copyFileSync(disk, path);
      machine.resume();
      const names = readdirSync(folder);
      expect(names).toHaveLength(3);
      const { blocks, size } = statSync(join(folder, names.find((name) => name.startsWith('memory')) as string));
      expect([size, blocks * 512 < size]).toEqual([2 ** 28, true]);

      const after = await first.ask('three');
      expect(after.secret).toBe(before.secret);
      await expect(Machine.restore(folder)).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_KVM_(?:STATE|INVALID_ARGUMENT)/),
      });

      // Two at once, beside the first; with several CPUs one, which takes long enough.
      await using forked = await Machine.restore(folder, { disks: [{ path: copy }], kvm: { backend: other } });
      await using twin = await Machine.restore(folder, { disks: [{ path: second }], verify: false });
      const machines = cpus === 1 ? [forked, twin] : [forked];
      const dialogues = machines.map(dialogue);
      for (const each of machines) each.start();
      const answers = await Promise.all(dialogues.map(({ ask }) => ask('four')));
      for (const answer of answers) {
        expect(answer.secret).toBe(before.secret);
        expect(answer.number).toBeGreaterThanOrEqual(number);
        expect(answer.forks).toBe(1);
      }
      const numbers = answers.map(({ random }) => random);
      expect(new Set(numbers).size).toBe(numbers.length);
      for (const each of machines) each.console.write('end\n');
      for (const each of machines) expect(await each.done).toEqual({ kind: 'power-off' });

      // One that is stopped leaves its disk as it was saved, whatever its guest has asked for.
      await machine.pause();
      await machine.snapshot(folder);
      await machine.stop();
      await using resumed = await Machine.restore(folder);
      const last = dialogue(resumed);
      resumed.start();
      resumed.console.write('end\n');
      expect(await resumed.done).toEqual({ kind: 'power-off' });
      for (const { text } of [first, ...dialogues, last]) expect(text()).not.toContain('the disk has changed');
      for (const path of [disk, copy, second]) execFileSync('e2fsck', ['-fn', path], { stdio: 'ignore' });
    },
    patience,
  );
});
