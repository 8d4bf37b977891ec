import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { cli, guest, temporaryFile, unprivileged } from './cli.js';

/** Everything here is refused before there is a VM: none of it needs KVM. */

const hello = guest('hello16');

test.each([
  ['a file that is not there', ['/nowhere/guest.bin'], '/nowhere/guest.bin: there is no such file'],
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
    "the guest's 39 bytes do not fit: memory has room for 16",
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
