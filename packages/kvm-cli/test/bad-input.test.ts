import { spawnSync } from 'node:child_process';
import { chmodSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { cli, end, guest, start, temporaryFile, temporaryFolder, unprivileged } from './cli.js';

/** Everything here is refused before there is a VM, so none of it needs KVM. */

const hello = guest('hello16');

test.each([
  ['a file that is not there', ['/nowhere/guest.bin'], '/nowhere/guest.bin: no such file'],
  ['an empty name', [''], "value '' is invalid for argument 'guest'. A path must not be empty."],
  ['a device without a name', ['--device', '', hello], `--device must be the path of the KVM device, not ""`],
  ['a directory', ['/tmp'], '/tmp: is a directory'],
  ['an empty file', ['/dev/null'], '/dev/null: the file is empty'],
  [
    'a file without an end',
    ['--mem', '64K', '/dev/zero'],
    '/dev/zero: the guest is larger than its memory, 65536 bytes (--mem)',
  ],
  [
    'no memory',
    ['--mem', '0', hello],
    '--mem must be whole pages of 4096 bytes, at least one and fewer than 2^53 bytes, not 0 bytes',
  ],
  [
    'half a page',
    ['--mem', '2K', hello],
    '--mem must be whole pages of 4096 bytes, at least one and fewer than 2^53 bytes, not 2048 bytes',
  ],
  [
    'more memory than the host has',
    ['--mem', '4000T', hello],
    '--mem: 4398046511104000 bytes are more than the memory of this host, ',
  ],
  [
    'a load address outside memory',
    ['--load-addr', '0x1000000', hello],
    'the load address 0x1000000 is outside memory, which ends at 0x1000000',
  ],
  [
    'a guest that reaches beyond memory',
    ['--load-addr', '0xfffff0', hello],
    'the guest of 39 bytes does not fit: there are 16 bytes from the load address 0xfffff0 on',
  ],
  [
    'an entry before the guest',
    ['--entry', '0', hello],
    'the entry 0x0 is outside the guest, which is at 0x1000 to 0x1026',
  ],
  [
    'an entry beyond the limit of real mode',
    ['--load-addr', '0x20000', hello],
    'the entry 0x20000 is out of range: in real mode it is below 0x10000',
  ],
  [
    'memory without room for the tables of long mode',
    ['--mode', 'long', '--mem', '16K', hello],
    'long mode needs 28672 bytes of memory for its tables, and the guest has 16384',
  ],
  ['a mode for the built-in guest', ['--mode', 'real'], '--mode needs a guest file'],
  ['a load address for the built-in guest', ['--load-addr', '0x2000'], '--load-addr needs a guest file'],
  [
    'a mode that does not exist',
    ['--mode', 'unreal', hello],
    `--mode must be 'real' or 'protected' or 'long', not "unreal"`,
  ],
  [
    'processors for a flat binary',
    ['--cpus', '2', hello],
    '--cpus: several processors need interrupt controllers to start',
  ],
  ['an initrd for the demo', ['--initrd', hello], '--initrd is for kernels, and the demo is none'],
  ['no processors', ['--cpus', '0', hello], '--cpus must be a whole number from 1 to 65536, not 0'],
  ['a backend that does not exist', ['--backend', 'gui', hello], `--backend must be 'native' or 'ffi', not "gui"`],
  [
    'a size without digits',
    ['--mem', 'much', hello],
    `--mem must be bytes, or a number with a unit as in '512M', not "much"`,
  ],
  [
    'an address that is no number',
    ['--entry', 'main', hello],
    `--entry must be an address of up to 64 bits, such as 4096 or "0x1000", not "main"`,
  ],
  ['a timeout of 0', ['--timeout', '0', hello], 'A time is a number of seconds, more than 0'],
  ['an option without its value', ['--mem'], "option '--mem <size>' argument missing"],
  ['an option that does not exist', ['--memory', '1M'], "unknown option '--memory'"],
  ['a trace of no exits', ['--trace', 'hello', hello], '--trace: there are no exits named hello'],
  ['a trace into a folder that is not there', ['--trace-file', '/nowhere/trace', hello], '--trace-file: ENOENT'],
  ['a file of a machine that is not there', ['--config', '/nowhere/m.json'], '/nowhere/m.json: ENOENT'],
  ['two guests', [hello, hello], "too many arguments for 'run'"],
])('%s is refused in one line that names it', async (_, args, message) => {
  const { status, stdout, stderr } = await cli(['run', ...args]);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

test.each<[string, string, string[], string]>([
  ['no JSON', '{', [], 'machine.json: '],
  ['a list', '[]', [], 'machine.json: the machine must be an object, not an array'],
  ['nothing to boot', '{}', [], 'machine.json: boot.kernel must be the path of a file'],
  ['another way to boot', '{"boot":{"type":"disk"}}', [], 'machine.json: boot must be what linux({ kernel }) or '],
  [
    'an unknown option',
    '{"cpuss":2}',
    [hello],
    'machine.json: the machine: there is no option cpuss (did you mean cpus?)',
  ],
  ['a wrong value', '{"kvm":{"backend":7}}', [hello], "machine.json: kvm.backend must be 'native' or 'ffi', not 7"],
  ['a wrong flag', '{"cpus":2}', ['--cpus', 'two', hello], '--cpus must be a whole number from 1 to 65536, not "two"'],
  [
    'a flag of flat binaries',
    '{"boot":{"type":"linux","kernel":"k"}}',
    ['--mode', 'real'],
    '--mode is for flat binaries',
  ],
  [
    'a flag of kernels',
    '{"boot":{"type":"flat","image":"k"}}',
    ['--cmdline', 'a'],
    '--cmdline is for kernels, and the ',
  ],
])('a file of a machine with %s is refused in one line', async (_, text, args, message) => {
  const path = temporaryFile('machine.json', Buffer.from(text));
  const { status, stderr } = await cli(['run', '--config', path, ...args]);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(status).toBe(1);
});

const bzImage = Buffer.alloc(0x400);
bzImage.write('MZ');
bzImage.writeUInt16LE(0xaa55, 0x1fe);
bzImage.write('HdrS', 0x202);

const isNoFlatBinary = 'a kernel must be a regular file, and --mode, --load-addr and --entry are for flat binaries';

test.each([
  ['ELF', Buffer.from('\x7fELF\x02'), ['--mode', 'long'], `this is an ELF file; ${isNoFlatBinary}`],
  ['MZ', Buffer.from('MZ\x90'), [], 'this is a DOS or EFI program (MZ); kvm-cli runs kernels and flat binaries'],
  ['gzip', gzipSync('hlt'), ['--mode', 'long'], `this is compressed (gzip); ${isNoFlatBinary}`],
  ['bzImage', bzImage, ['--mode', 'long'], `this is a Linux kernel (bzImage); ${isNoFlatBinary}`],
])('a guest in the format %s is no flat binary, and the error names the format', async (_, bytes, args, message) => {
  const path = temporaryFile('guest', bytes);
  const { status, stderr } = await cli(['run', ...args, path]);
  expect(stderr).toBe(`kvm-cli: ${path}: ${message}\n`);
  expect(status).toBe(1);
});

test.each([
  ['an ELF file that ends early', Buffer.from('\x7fELF\x02'), []],
  ['a bzImage of zeros', bzImage, []],
  ['gzip of no kernel', gzipSync('hlt'), []],
  ['an initrd that is not there', bzImage, ['--initrd', '/nowhere/initrd']],
])('%s is refused before there is a VM, in one line', async (_, bytes, args) => {
  const path = temporaryFile('vmlinuz', bytes);
  const { status, stdout, stderr } = await cli(['run', ...args, path]);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(stderr).not.toContain('/dev/kvm');
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

/** An ELF64 file with one segment of 256 bytes, or changes of it. */
function elf(change: (file: Buffer) => void): Buffer {
  const file = Buffer.alloc(0x1100);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(0x10_0000n, 24);
  file.writeBigUInt64LE(64n, 32);
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    file.writeUInt16LE(value, at);
  file.writeUInt32LE(1, 64);
  for (const [at, value] of [
    [72, 0x1000],
    [80, 0x10_0000],
    [88, 0x10_0000],
    [96, 0x100],
    [104, 0x100],
  ] as const) {
    file.writeBigUInt64LE(BigInt(value), at);
  }
  change(file);
  return file;
}

const large = 600 * 2 ** 20;

test.each<[string, Buffer, string[], string]>([
  ['truncated', elf(() => {}).subarray(0, 0x1010), [], 'the kernel is truncated: segment 0 of the kernel ends at 4352'],
  ['for arm64', elf((file) => file.writeUInt16LE(183, 18)), [], 'the kernel is for arm64, and this machine is x86-64'],
  ['an Image for arm64', Buffer.from(`MZ${'\0'.repeat(54)}ARM\x64`.padEnd(4096, '\0')), [], 'the kernel is '],
  ['of 32 bits', elf((file) => file.writeUInt8(1, 4)), [], 'kernel'],
  ['larger than memory', elf((file) => file.writeBigUInt64LE(2n ** 31n, 104)), [], 'which is not all memory'],
  ['with too little memory', elf(() => {}), ['--mem', '64K'], 'a kernel needs at least 2 MiB of memory, not 65536'],
  ['with a long command line', elf(() => {}), ['--cmdline', 'a'.repeat(5000)], 'the command line of 5000 bytes is too'],
  ['with a feature that is none', elf(() => {}), ['--cpu', '+nosuch'], '--cpu: there is no CPU feature nosuch'],
  [
    'with a template that is none',
    elf(() => {}),
    ['--cpu', '486'],
    '--cpu: there is no CPU template "486"; there are ',
  ],
  ['with a file of a machine for memory', elf(() => {}), ['--mem-file', ''], '--mem-file must be the path of a file'],
])('a kernel %s is refused before there is a VM, in one line', async (_, bytes, args, message) => {
  const { status, stdout, stderr } = await cli(['run', ...args, temporaryFile('vmlinux', bytes)]);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(stderr).not.toContain('/dev/kvm');
  expect([status, stdout]).toEqual([1, '']);
});

test('an initrd that does not fit is refused before there is a VM, in one line', async () => {
  const initrd = temporaryFile('initrd', Buffer.alloc(0));
  truncateSync(initrd, large);
  const { status, stderr } = await cli([
    'run',
    '--initrd',
    initrd,
    temporaryFile(
      'vmlinux',
      elf(() => {}),
    ),
  ]);
  expect(stderr).toMatch(/^kvm-cli: the initrd of 629145600 bytes does not fit: [^\n]+\n$/);
  expect(status).toBe(1);
});

test('the timeout limits the wait for a FIFO without a writer', async () => {
  const path = join(temporaryFolder(), 'fifo');
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
  const { status, stderr } = await cli(['run', '--timeout', '0.3', path]);
  expect(stderr).toBe(`kvm-cli: ${path}: the guest could not be read in time (--timeout)\n`);
  expect(status).toBe(124);
});

test('the timeout limits the wait for the end of standard input', async () => {
  const { status, stderr } = await end(start(['run', '--timeout', '0.3', '-']));
  expect(stderr).toBe('kvm-cli: standard input: the guest could not be read in time (--timeout)\n');
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
  expect(stderr).toBe(`kvm-cli: ${path}: the guest is larger than its memory, 8192 bytes (--mem)\n`);
  expect(status).toBe(1);
});

const { wrapper, reason } = unprivileged();
describeUnless(reason, 'for a user other than root', () => {
  test('a file without read permission is refused', async () => {
    const path = temporaryFile('secret.bin', Uint8Array.of(0xf4));
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0);
    const { status, stderr } = await cli(['run', path], { wrapper });
    expect(stderr).toBe(`kvm-cli: ${path}: permission denied\n`);
    expect(status).toBe(1);
  });
});

test('an unknown command is refused, with a suggestion', async () => {
  expect(await cli(['rum'])).toEqual({
    status: 1,
    stdout: '',
    stderr: "kvm-cli: unknown command 'rum' (Did you mean run?)\n",
  });
});
