import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { cli, end, guest, start, temporaryFile, temporaryFolder, unprivileged } from './cli.js';

/** Everything here is refused before there is a VM: none of it needs KVM. */

const hello = guest('hello16');

test.each([
  ['a file that is not there', ['/nowhere/guest.bin'], '/nowhere/guest.bin: there is no such file'],
  ['a name that is empty', [''], "value '' is invalid for argument 'guest.bin'. A path is not empty."],
  ['a device without a name', ['--device', '', hello], "argument '' is invalid. A path is not empty."],
  ['a directory', ['/tmp'], '/tmp: it is a directory, not a guest'],
  ['an empty file', ['/dev/null'], '/dev/null: the file is empty'],
  [
    'a file without an end',
    ['--mem', '64K', '/dev/zero'],
    '/dev/zero: the guest is larger than its memory of 65536 bytes (--mem)',
  ],
  ['no memory', ['--mem', '0', hello], '--mem: a guest needs memory, at least one page of 4096 bytes'],
  ['half a page', ['--mem', '2K', hello], '--mem: memory is whole pages of 4096 bytes, and 2048 bytes are not'],
  [
    'more memory than the host has',
    ['--mem', '4000T', hello],
    '--mem: 4398046511104000 bytes are more than this host has, which is ',
  ],
  [
    'a load address outside of memory',
    ['--load-addr', '0x1000000', hello],
    'the load address 0x1000000 is outside of memory, which ends at 0x1000000',
  ],
  [
    'a guest that leaves memory',
    ['--load-addr', '0xfffff0', hello],
    'the guest of 39 bytes does not fit: memory has room for 16 bytes',
  ],
  [
    'an entry in front of the guest',
    ['--entry', '0', hello],
    'the entry 0x0 is not in the guest, which lies from 0x1000 to 0x1026',
  ],
  [
    'an entry that real mode cannot have',
    ['--load-addr', '0x20000', hello],
    'real mode can be entered below 0x10000 only, not at 0x20000',
  ],
  [
    'memory without room for the tables of long mode',
    ['--mode', 'long', '--mem', '16K', hello],
    'long mode keeps 28672 bytes of tables in memory, which has 16384 bytes',
  ],
  ['a mode for the built-in guest', ['--mode', 'real'], '--mode needs a guest file'],
  ['a load address for the built-in guest', ['--load-addr', '0x2000'], '--load-addr needs a guest file'],
  ['a mode that does not exist', ['--mode', 'unreal', hello], 'The choices are real, protected, long.'],
  ['a backend that does not exist', ['--backend', 'gui', hello], 'The choices are native, ffi.'],
  ['a size without digits', ['--mem', 'much', hello], "argument 'much' is invalid. A size is a number of bytes"],
  ['an address that is none', ['--entry', 'main', hello], "argument 'main' is invalid. An address is a number"],
  ['no time at all', ['--timeout', '0', hello], 'A time is a number of seconds, more than 0'],
  ['an option without its value', ['--mem'], "option '--mem <size>' argument missing"],
  ['an option that does not exist', ['--memory', '1M'], "unknown option '--memory'"],
  ['two guests', [hello, hello], "too many arguments for 'run'"],
])('%s is refused in one line that names it', async (_, args, message) => {
  const { status, stdout, stderr } = await cli(['run', ...args]);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

const bzImage = Buffer.alloc(0x400);
bzImage.write('MZ');
bzImage.writeUInt16LE(0xaa55, 0x1fe);
bzImage.write('HdrS', 0x202);

test.each([
  ['ELF', Buffer.from('\x7fELF\x02'), 'this is an ELF file, and kvm-cli runs flat binaries only (objcopy'],
  ['MZ', Buffer.from('MZ\x90'), 'this is a DOS or EFI program (MZ), and kvm-cli runs flat binaries only'],
  ['gzip', gzipSync('hlt'), 'this is compressed (gzip), and kvm-cli runs flat binaries only (gzip -d'],
  ['bzImage', bzImage, 'this is a Linux kernel (bzImage), and kvm-cli runs flat binaries only'],
])('a guest that is no flat binary but %s is refused by that name', async (_, bytes, message) => {
  const path = temporaryFile('guest', bytes);
  const { status, stderr } = await cli(['run', path]);
  expect(stderr).toContain(`kvm-cli: ${path}: ${message}`);
  expect(status).toBe(1);
});

test('a FIFO without a writer is waited for no longer than the timeout', async () => {
  const path = join(temporaryFolder(), 'fifo');
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  const { status, stderr } = await cli(['run', '--timeout', '0.3', path]);
  expect(stderr).toBe(`kvm-cli: ${path}: the guest could not be read in its time (--timeout)\n`);
  expect(status).toBe(124);
});

test('standard input that does not end is waited for no longer than the timeout', async () => {
  const { status, stderr } = await end(start(['run', '--timeout', '0.3', '-']));
  expect(stderr).toBe('kvm-cli: standard input: the guest could not be read in its time (--timeout)\n');
  expect(status).toBe(124);
});

test('standard input without a guest is refused', async () => {
  const { status, stderr } = await cli(['run', '-']);
  expect(stderr).toBe('kvm-cli: standard input: the file is empty\n');
  expect(status).toBe(1);
});

test('a guest larger than its memory is refused', async () => {
  const path = temporaryFile('large.bin', new Uint8Array(8193));
  const { status, stderr } = await cli(['run', '--mem', '8K', path]);
  expect(stderr).toBe(`kvm-cli: ${path}: the guest is larger than its memory of 8192 bytes (--mem)\n`);
  expect(status).toBe(1);
});

const { wrapper, reason } = unprivileged();
describeUnless(reason, 'to somebody who is not root', () => {
  test('a file that this user may not read is refused', async () => {
    const path = temporaryFile('secret.bin', Uint8Array.of(0xf4));
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0);
    const { status, stderr } = await cli(['run', path], { wrapper });
    expect(stderr).toBe(`kvm-cli: ${path}: this user may not read it\n`);
    expect(status).toBe(1);
  });
});

test('a command that does not exist is refused, with the one that was meant', async () => {
  expect(await cli(['rum'])).toEqual({
    status: 1,
    stdout: '',
    stderr: "kvm-cli: unknown command 'rum' (Did you mean run?)\n",
  });
});
