import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** Shared folders under Linux's driver. The kernels are those of the lab, which runs these tests. */

/** What is tried in the folder that may be written, in order, and what comes of it. */
const trials: readonly (readonly [command: string, result: string])[] = [
  ['cat greeting', 'hello from the host'],
  ['mkdir a && stat -c %F a', 'directory'],
  ['mkdir a', 'no'],
  ['echo one > a/file && echo two >> a/file && cat a/file', 'one two'],
  ['rmdir a', 'no'],
  ['cat a/nothing', 'no'],
  ['cat a/file/x', 'no'],
  ['mv a/file a/moved && ls a', 'moved'],
  ['mv a b && cat b/moved', 'one two'],
  ['mkdir b/c && mv b b/c', 'no'],
  ['ln b/moved b/second && stat -c %h b/moved', '2'],
  ['echo three > b/second && cat b/moved', 'three'],
  ['ln -s moved b/sym && readlink b/sym && cat b/sym', 'moved three'],
  ['ln -s /proof out && cat out', 'of the guest'],
  ['ln -s ../../../etc/hostname up && cat up', 'no'],
  ['chmod 640 b/moved && stat -c %a b/moved', '640'],
  ['chown 12:34 b/moved && stat -c %u:%g b/moved', '12:34'],
  ['touch -d @1000000 b/moved && stat -c %Y b/moved', '1000000'],
  ['truncate -s 3 b/moved && wc -c < b/moved', '3'],
  ['dd if=/dev/zero of=sparse bs=64k seek=99 count=1 2>/dev/null && stat -c %s sparse', '6553600'],
  ['dd if=/dev/urandom of=big bs=64k count=4 conv=fsync 2>/dev/null && wc -c < big', '262144'],
  ['cp big copy && cmp big copy && echo same', 'same'],
  ['mkfifo pipe && (echo through > pipe & cat pipe)', 'through'],
  ['exec 3< b/second && rm b/second b/moved && cat <&3', 'thr'],
  ['rm b/sym && rmdir b/c b && ls b', 'no'],
  ['mknod device c 1 3', 'no'],
  ['for i in $(seq 50); do echo > many$i; done; ls | grep -c many', '50'],
  ['rm many* && ls | grep -c many', 'no'],
  ["test $(df -m . | tail -n 1 | awk '{ print $2 }') -gt 0 && echo room", 'room'],
];

const work = `busybox mkdir /tree /rw
busybox --install -s /bin
echo of the guest > /proof
mount -t virtiofs tree /tree && echo "mounted tree"
mount -t virtiofs work /rw && echo "mounted work"
mount -t virtiofs none /sys || echo "no such tag"
cd /tree
echo "files $(find . -type f | wc -l) folders $(find . -type d | wc -l)"
echo "hash $(find . -type f | sort | tr '\\n' '\\0' | xargs -0 sha256sum | sha256sum)"
(echo x > new) 2>/dev/null || echo "refused to write"
(echo x > d0/f0) 2>/dev/null || echo "refused to overwrite"
rm d0/f0 2>/dev/null || echo "refused to remove"
chmod 777 d0 2>/dev/null || echo "refused to change"
cd /rw
number=0
while read -r command; do
  number=$((number + 1))
  result=$(sh -c "$command" 2>/dev/null < /dev/null) && echo "trial $number: "$result || echo "trial $number: no"
done < /trials
echo "big $(sha256sum < big)"
sync
cd /
umount /rw && umount /tree && echo "unmounted"
echo "interrupts $(awk '/virtio/ { for (i = 2; i <= NF; i++) n += $i } END { print (n > 0) }' /proc/interrupts)"
poweroff -f
`;

const patience = 300_000;

describeUnless(noLinux, 'shared folders under Linux', () => {
  let place: string;
  let hash: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-shares-'));
    const all: string[] = [];
    for (let i = 0; i < 15; i++) {
      mkdirSync(join(place, `tree/d${i}/inner`), { recursive: true });
      for (let j = 0; j < 20; j++) {
        const name = `d${i}/${j % 2 === 0 ? '' : 'inner/'}f${j}`;
        const data = Buffer.from(`${name} `.repeat(((i * 20 + j) * 37) % 150));
        writeFileSync(join(place, 'tree', name), data);
        all.push(`./${name}`);
      }
    }
    symlinkSync('/etc', join(place, 'tree/etc'));
    // As `sha256sum` of the guest prints them.
    const sums = all.toSorted().map((name) => `${sha256(readFileSync(join(place, 'tree', name)))}  ${name}\n`);
    hash = sha256(Buffer.from(sums.join('')));
    const files = { trials: Buffer.from(trials.map(([command]) => `${command}\n`).join('')) };
    writeFileSync(join(place, 'initrd'), initrdOf(work, { drivers: /virtio(?!_net|_transport)|fuse/, files }));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 'mmio', 1, 'auto'],
    ['ffi', 'pci', 2, 'always'],
  ] as const)(
    'are read and written on %s and %s with %i CPUs, and cache %s',
    async (backend, transport, cpus, cache) => {
      const work = join(place, `work-${backend}`);
      mkdirSync(work);
      writeFileSync(join(work, 'greeting'), 'hello from the host');
      const pci = transport === 'pci' ? '' : 'pci=off ';
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        transport,
        boot: linux({
          kernel: vmlinux,
          initrd: join(place, 'initrd'),
          cmdline: `console=ttyS0 panic=-1 ${pci}quiet`,
        }),
        shares: [
          { path: join(place, 'tree'), cache },
          { path: work, tag: 'work', readOnly: false, cache },
        ],
        kvm: { backend },
      });
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1').replaceAll('\r', '');
        // A lab waits for output, and this takes a while.
        process.stdout.write(chunk);
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      process.stdout.write(`${JSON.stringify(machine.stats)}\n`);
      expect(text).toContain('mounted tree\nmounted work\n');
      expect(text).toContain('no such tag\n');
      expect(text).toContain('files 300 folders 31\n');
      expect(text).toContain(`hash ${hash}`);
      for (const what of ['write', 'overwrite', 'remove', 'change']) expect(text).toContain(`refused to ${what}\n`);
      const results = [...text.matchAll(/^trial \d+: (.*)$/gm)].map(([, result], i) => [trials[i]?.[0], result]);
      expect(results).toEqual(trials);
      expect(text).toContain('unmounted\ninterrupts 1\n');
      // What the guest has left is there, with what it may not make left out.
      expect(text).toContain(`big ${sha256(readFileSync(join(work, 'big')))}`);
      expect(readdirSync(work).toSorted()).toEqual(
        ['big', 'copy', 'greeting', 'out', 'pipe', 'sparse', 'up'].toSorted(),
      );
      expect(lstatSync(join(work, 'sparse')).blocks).toBeLessThan(1000);
      expect(existsSync(join(place, 'tree/new'))).toBe(false);
    },
    patience,
  );
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
