import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ClientOptions, FuseClient, FuseError } from '../../../test/fuse-client.js';
import * as abi from '../../abi/fuse/index.js';

const { errno } = constants;
const fifo = 0o010_000;
const regular = 0o100_000;
const device = 0o020_000;
const flags = { write: 1, readWrite: 2, create: 0o100, exclusive: 0o200, truncate: 0o1000, append: 0o2000 } as const;

/** A folder that is shared, with a client; and a folder beside it that is not. */
function shared(options: ClientOptions = {}) {
  const place = mkdtempSync(join(tmpdir(), 'kvm-fs-'));
  const folder = join(place, 'shared');
  mkdirSync(join(folder, 'sub/inner'), { recursive: true });
  writeFileSync(join(folder, 'hello'), 'hello, guest');
  writeFileSync(join(folder, 'sub/file'), 'in a folder');
  writeFileSync(join(place, 'secret'), 'a secret');
  symlinkSync('../secret', join(folder, 'link'));
  symlinkSync('..', join(folder, 'up'));
  const client = new FuseClient(folder, options);
  client.init();
  onTestFinished(() => {
    client.close();
    rmSync(place, { recursive: true, force: true });
  });
  return { client, folder, place };
}

function errorOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof FuseError) return error.errno;
    throw error;
  }
  return 0;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('the start of a session', () => {
  test('takes on the features that both sides have', () => {
    const { client } = shared();
    const all = client.init();
    expect([all.major, all.minor, all.maxWrite, all.maxPages, all.timeGran]).toEqual([7, 38, 2 ** 20, 256, 1]);
    expect(all.flags & abi.FUSE_AUTO_INVAL_DATA).not.toBe(0);
    expect(client.init({ flags: abi.FUSE_BIG_WRITES }).flags).toBe(abi.FUSE_BIG_WRITES);
    expect(client.init({ minor: 99 }).minor).toBe(abi.FUSE_KERNEL_MINOR_VERSION);
    expect(errorOf(() => client.init({ major: 6 }))).toBe(errno.EPROTO);
  });

  test.each([
    ['none', 0n, abi.FOPEN_DIRECT_IO, 0],
    ['auto', 1n, 0, abi.FUSE_AUTO_INVAL_DATA],
    ['always', 86_400n, abi.FOPEN_KEEP_CACHE, abi.FUSE_CACHE_SYMLINKS],
  ] as const)('says how to cache: %s', (cache, seconds, openFlags, initFlags) => {
    const { client } = shared({ cache });
    expect(client.init().flags & (abi.FUSE_AUTO_INVAL_DATA | abi.FUSE_CACHE_SYMLINKS)).toBe(initFlags);
    const { nodeid, entryValid, attrValid } = client.lookup('hello');
    expect([entryValid, attrValid]).toEqual([seconds, seconds]);
    const opened = client.ask(abi.FUSE_OPEN, nodeid, [new abi.FuseOpenIn().bytes], abi.FuseOpenOut);
    expect(opened.openFlags).toBe(openFlags);
  });

  test('the end forgets all files and handles', () => {
    const { client } = shared();
    const { nodeid } = client.lookup('hello');
    const fh = client.open(nodeid);
    expect(client.call(abi.FUSE_DESTROY, 0n).error).toBe(0);
    expect(client.read(nodeid, fh, 0n, 10).error).toBe(-errno.EBADF);
    expect(client.call(abi.FUSE_GETATTR, nodeid, [new abi.FuseGetattrIn().bytes]).error).toBe(-errno.ESTALE);
    expect(client.lookup('hello').nodeid).not.toBe(nodeid);
  });

  test('requests that are not known are refused', () => {
    const { client } = shared();
    for (const opcode of [0, 7, abi.FUSE_IOCTL, abi.FUSE_SETUPMAPPING, abi.FUSE_BMAP, abi.CUSE_INIT, 2 ** 32 - 1]) {
      expect(client.call(opcode, 1n, [new Uint8Array(64)]).error).toBe(-errno.ENOSYS);
    }
  });
});

describe('reading', () => {
  test('finds files with the attributes of the host, and the same file by the same number', () => {
    const { client, folder } = shared();
    const { nodeid, attr } = client.lookup('hello');
    const stats = statSync(join(folder, 'hello'), { bigint: true });
    expect([attr.ino, attr.size, attr.mode]).toEqual([stats.ino, 12n, Number(stats.mode)]);
    expect(attr.mtime * 1_000_000_000n + BigInt(attr.mtimensec)).toBe(stats.mtimeNs);
    linkSync(join(folder, 'hello'), join(folder, 'sub/other-name'));
    expect(client.find('sub/other-name')).toBe(nodeid);
    expect(errorOf(() => client.lookup('nothing'))).toBe(errno.ENOENT);
    expect(errorOf(() => client.lookup('x', nodeid))).toBe(errno.ENOTDIR);
    expect(errorOf(() => client.lookup('x', 999n))).toBe(errno.ESTALE);
  });

  test('times before 1970 are negative seconds', () => {
    const { client, folder } = shared();
    execFileSync('touch', ['-d', '1969-12-31T23:59:58.5Z', join(folder, 'hello')]);
    const { attr } = client.lookup('hello');
    expect([BigInt.asIntN(64, attr.mtime), attr.mtimensec]).toEqual([-2n, 500_000_000]);
  });

  test.each([
    [2 ** 22, 2 ** 22],
    [7, 2 ** 22],
    [4096, 2 ** 16],
  ])('gives the bytes of files, in pieces of %i and windows of %i', (piece, windowSize) => {
    const { client, folder } = shared({ piece, windowSize });
    const data = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) ^ (i >> 8));
    writeFileSync(join(folder, 'data'), data);
    const { nodeid } = client.lookup('data');
    const fh = client.open(nodeid);
    const size = 20_000;
    const found = Array.from({ length: 5 }, (_, i) => client.read(nodeid, fh, BigInt(i * size), size).bytes);
    expect(Buffer.compare(Buffer.concat(found), data)).toBe(0);
    expect(client.read(nodeid, fh, 2n ** 40n, 10)).toEqual({ error: 0, bytes: new Uint8Array() });
    expect(client.read(nodeid, fh, 2n ** 60n, 10).error).toBe(-errno.EINVAL);
    expect(client.read(nodeid, fh + 1n, 0n, 10).error).toBe(-errno.EBADF);
    expect(client.read(1n, fh, 0n, 10).error).toBe(-errno.EBADF);
    expect(client.call(abi.FUSE_RELEASE, nodeid, [abi.FuseReleaseIn.from({ fh }).bytes]).error).toBe(0);
    expect(client.read(nodeid, fh, 0n, 10).error).toBe(-errno.EBADF);
  });

  test.each([false, true])('lists folders by many small requests (with attributes: %s)', (isPlus) => {
    const { client, folder } = shared();
    const names = Array.from({ length: 900 }, (_, i) => `a file with the number ${i}`);
    for (const name of names) writeFileSync(join(folder, 'sub/inner', name), name);
    const id = client.find('sub/inner');
    const entries = client.list(id, { isPlus, size: 700 });
    expect(entries.map(({ name }) => name).sort()).toEqual(['.', '..', ...names].sort());
    expect(entries.map(({ offset }) => offset)).toEqual(entries.map((_, i) => BigInt(i + 1)));
    for (const { name, entry } of entries.slice(0, 50)) {
      if (!isPlus) break;
      const isFile = !name.startsWith('.');
      expect(entry?.nodeid === 0n, name).toBe(!isFile);
      if (isFile) expect(client.lookup(name, id).nodeid).toBe(entry?.nodeid);
    }
  });

  test('goes on in a folder wherever it was before', () => {
    const { client, folder } = shared();
    for (let i = 0; i < 900; i++) writeFileSync(join(folder, 'sub/inner', `a file with the number ${i}`), '');
    const id = client.find('sub/inner');
    const all = client.list(id).map(({ name }) => name);
    const { fh } = client.ask(abi.FUSE_OPENDIR, id, [new abi.FuseOpenIn().bytes], abi.FuseOpenOut);
    for (const start of [0, 899, 3, 2, 500, 499, 901, 10, 10]) {
      expect(client.entries(id, fh, BigInt(start), false, 4096)[0]?.name).toBe(all[start]);
    }
    expect(client.entries(id, fh, 902n, false, 4096)).toEqual([]);
    expect(client.entries(id, fh, 2n ** 64n - 1n, false, 4096)).toEqual([]);
    expect(client.entries(id, fh, 0n, false, 4096)[0]?.name).toBe(all[0]);
    expect(errorOf(() => client.entries(id, fh, 0n, false, 16))).toBe(errno.EINVAL);
  });

  test('says where symlinks lead, and does not follow them', () => {
    const { client } = shared();
    for (const [name, target] of [
      ['link', '../secret'],
      ['up', '..'],
    ] as const) {
      const { nodeid, attr } = client.lookup(name);
      expect(attr.mode & 0o170_000).toBe(0o120_000);
      expect(text(client.call(abi.FUSE_READLINK, nodeid).bytes)).toBe(target);
      expect(client.call(abi.FUSE_OPEN, nodeid, [new abi.FuseOpenIn().bytes]).error).toBe(-errno.ENXIO);
      expect(client.call(abi.FUSE_OPENDIR, nodeid, [new abi.FuseOpenIn().bytes]).error).toBe(-errno.ENOTDIR);
      expect(errorOf(() => client.lookup('secret', nodeid))).toBe(errno.ENOTDIR);
    }
    expect(client.call(abi.FUSE_READLINK, 1n).error).toBe(-errno.EINVAL);
  });

  test('a file that has lost its name can still be read', () => {
    const { client, folder } = shared();
    const { nodeid } = client.lookup('hello');
    rmSync(join(folder, 'hello'));
    writeFileSync(join(folder, 'hello'), 'another');
    expect(text(client.read(nodeid, client.open(nodeid), 0n, 100).bytes)).toBe('hello, guest');
    expect(client.lookup('hello').nodeid).not.toBe(nodeid);
  });

  test('tells of the file system, and of holes', () => {
    const { client, folder } = shared();
    const { st } = client.ask(abi.FUSE_STATFS, 1n, [], abi.FuseStatfsOut);
    expect([st.namelen, st.bsize > 0, st.blocks > 0n]).toEqual([255, true, true]);
    writeFileSync(join(folder, 'data'), 'x');
    const { nodeid } = client.lookup('data');
    const fh = client.open(nodeid);
    const seek = (offset: bigint, whence: number): number =>
      errorOf(() =>
        client.ask(abi.FUSE_LSEEK, nodeid, [abi.FuseLseekIn.from({ fh, offset, whence }).bytes], abi.FuseLseekOut),
      );
    expect([seek(0n, 3), seek(5n, 3), seek(0n, 0)]).toEqual([0, errno.ENXIO, errno.EINVAL]);
  });
});

describe('names', () => {
  test.each(['.', '..', '../secret', 'sub/file', '/etc/passwd', ''])('%j is none', (name) => {
    const { client, place } = shared();
    const id = client.find('hello');
    const open = abi.FuseCreateIn.from({ flags: flags.create | flags.write, mode: 0o644 });
    const rename = abi.FuseRenameIn.from({ newdir: 1n });
    const calls: [number, (Uint8Array | string)[]][] = [
      [abi.FUSE_LOOKUP, [name]],
      [abi.FUSE_CREATE, [open.bytes, name]],
      [abi.FUSE_MKDIR, [abi.FuseMkdirIn.from({ mode: 0o755 }).bytes, name]],
      [abi.FUSE_MKNOD, [abi.FuseMknodIn.from({ mode: regular }).bytes, name]],
      [abi.FUSE_SYMLINK, [name, 'target']],
      [abi.FUSE_LINK, [abi.FuseLinkIn.from({ oldnodeid: id }).bytes, name]],
      [abi.FUSE_UNLINK, [name]],
      [abi.FUSE_RMDIR, [name]],
      [abi.FUSE_RENAME, [rename.bytes, name, 'new']],
      [abi.FUSE_RENAME, [rename.bytes, 'hello', name]],
      [abi.FUSE_RENAME2, [abi.FuseRename2In.from({ newdir: 1n }).bytes, 'hello', name]],
    ];
    for (const [opcode, parts] of calls) expect([opcode, client.call(opcode, 1n, parts).error]).toEqual([opcode, -22]);
    expect(readFileSync(join(place, 'secret'), 'utf8')).toBe('a secret');
  });

  test('have an end and at most 255 bytes', () => {
    const { client } = shared();
    expect(client.call(abi.FUSE_LOOKUP, 1n, [Buffer.from('hello')]).error).toBe(-errno.EINVAL);
    expect(client.call(abi.FUSE_LOOKUP, 1n, ['x'.repeat(255)]).error).toBe(-errno.ENOENT);
    expect(client.call(abi.FUSE_LOOKUP, 1n, ['x'.repeat(256)]).error).toBe(-errno.ENAMETOOLONG);
    expect(client.call(abi.FUSE_LOOKUP, 1n, ['x'.repeat(100_000)]).error).toBe(-errno.EINVAL);
  });

  test('a folder that another process moves away leads nowhere else', () => {
    const { client, folder, place } = shared();
    const inner = client.find('sub/inner');
    renameSync(join(folder, 'sub/inner'), join(folder, 'moved'));
    symlinkSync(place, join(folder, 'sub/inner'));
    expect(errorOf(() => client.lookup('secret', inner))).toBe(errno.ENOENT);
    expect(client.lookup('inner', client.find('sub')).attr.mode & 0o170_000).toBe(0o120_000);
  });
});

describe('writing', () => {
  const create = (client: FuseClient, name: string, how: number = flags.readWrite, parent = 1n) => {
    const given = abi.FuseCreateIn.from({ flags: how | flags.create, mode: 0o640 });
    const { error, bytes } = client.call(abi.FUSE_CREATE, parent, [given.bytes, name]);
    if (error !== 0) throw new FuseError(error);
    return {
      id: abi.FuseEntryOut.at(bytes.slice(0, 128)).nodeid,
      fh: abi.FuseOpenOut.at(bytes.slice(128)).fh,
    };
  };
  const setattr = (client: FuseClient, id: bigint, init: Parameters<typeof abi.FuseSetattrIn.from>[0]) =>
    client.call(abi.FUSE_SETATTR, id, [abi.FuseSetattrIn.from(init as object).bytes]).error;

  test.each([2 ** 22, 5])('makes files and writes them, in pieces of %i', (piece) => {
    const { client, folder } = shared({ piece });
    const { id, fh } = create(client, 'new');
    const data = Uint8Array.from({ length: 10_000 }, (_, i) => i * 3);
    const { bytes } = client.write(id, fh, 0n, data);
    expect(abi.FuseWriteOut.at(bytes).size).toBe(10_000);
    client.write(id, fh, 5n, Buffer.from('abc'));
    data.set(Buffer.from('abc'), 5);
    expect(Buffer.compare(readFileSync(join(folder, 'new')), data)).toBe(0);
    expect(Buffer.compare(client.read(id, fh, 0n, 20_000).bytes, data)).toBe(0);
    expect(statSync(join(folder, 'new')).mode & 0o777 & ~0o640).toBe(0);
    for (const [opcode, given] of [
      [abi.FUSE_FLUSH, abi.FuseFlushIn.from({ fh })],
      [abi.FUSE_FSYNC, abi.FuseFsyncIn.from({ fh, fsyncFlags: 1 })],
      [abi.FUSE_FSYNC, abi.FuseFsyncIn.from({ fh })],
      [abi.FUSE_RELEASE, abi.FuseReleaseIn.from({ fh })],
    ] as const) {
      expect(client.call(opcode, id, [given.bytes]).error).toBe(0);
    }
  });

  test('CREATE of a name that is there opens a regular file, and nothing else', () => {
    const { client, folder, place } = shared();
    expect(text(client.read(client.find('hello'), create(client, 'hello').fh, 0n, 5).bytes)).toBe('hello');
    expect(errorOf(() => create(client, 'hello', flags.exclusive))).toBe(errno.EEXIST);
    create(client, 'hello', flags.write | flags.truncate);
    expect(readFileSync(join(folder, 'hello'), 'utf8')).toBe('');
    expect(errorOf(() => create(client, 'link'))).toBe(errno.ENXIO);
    expect(errorOf(() => create(client, 'sub'))).toBe(errno.EISDIR);
    client.ask(abi.FUSE_MKNOD, 1n, [abi.FuseMknodIn.from({ mode: fifo | 0o600 }).bytes, 'pipe'], abi.FuseEntryOut);
    expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
    // It would wait for the other side.
    expect(errorOf(() => create(client, 'pipe', flags.write))).toBe(errno.ENXIO);
    expect(readFileSync(join(place, 'secret'), 'utf8')).toBe('a secret');
  });

  test('makes, renames and removes', () => {
    const { client, folder } = shared();
    const path = (name: string): string => join(folder, name);
    const made = client.ask(abi.FUSE_MKDIR, 1n, [abi.FuseMkdirIn.from({ mode: 0o750 }).bytes, 'dir'], abi.FuseEntryOut);
    expect([lstatSync(path('dir')).isDirectory(), made.attr.mode & 0o170_000]).toEqual([true, 0o040_000]);
    client.ask(abi.FUSE_SYMLINK, made.nodeid, ['sym', '/no/where'], abi.FuseEntryOut);
    expect(readlinkSync(path('dir/sym'))).toBe('/no/where');
    const hello = client.find('hello');
    const link = [abi.FuseLinkIn.from({ oldnodeid: hello }).bytes, 'second'];
    expect(client.ask(abi.FUSE_LINK, made.nodeid, link, abi.FuseEntryOut).nodeid).toBe(hello);
    expect(client.call(abi.FUSE_LINK, 1n, [abi.FuseLinkIn.from({ oldnodeid: made.nodeid }).bytes, 'x']).error).toBe(-1);
    // A symlink gets a second name itself.
    const sym = client.find('dir/sym');
    client.ask(abi.FUSE_LINK, 1n, [abi.FuseLinkIn.from({ oldnodeid: sym }).bytes, 'sym2'], abi.FuseEntryOut);
    expect(readlinkSync(path('sym2'))).toBe('/no/where');
    expect(statSync(path('dir/second')).ino).toBe(statSync(path('hello')).ino);
    const rename = (from: bigint, name: string, newdir: bigint, newName: string, how?: number): number =>
      how === undefined
        ? client.call(abi.FUSE_RENAME, from, [abi.FuseRenameIn.from({ newdir }).bytes, name, newName]).error
        : client.call(abi.FUSE_RENAME2, from, [abi.FuseRename2In.from({ newdir, flags: how }).bytes, name, newName])
            .error;
    expect(rename(1n, 'hello', made.nodeid, 'moved')).toBe(0);
    expect([existsSync(path('hello')), existsSync(path('dir/moved'))]).toEqual([false, true]);
    expect(rename(made.nodeid, 'moved', 1n, 'sub', 1)).toBe(-errno.EEXIST);
    expect(rename(made.nodeid, 'moved', 1n, 'sub', 2)).toBe(0);
    expect(statSync(path('sub')).isFile()).toBe(true);
    expect(rename(1n, 'sub', 1n, 'x', 4)).toBe(-errno.EINVAL);
    expect(rename(1n, 'dir', made.nodeid, 'x', 0)).toBe(-errno.EINVAL);
    expect(client.call(abi.FUSE_UNLINK, 1n, ['dir']).error).toBe(-errno.EISDIR);
    expect(client.call(abi.FUSE_RMDIR, 1n, ['dir']).error).toBe(-errno.ENOTEMPTY);
    for (const name of ['sym', 'second']) expect(client.call(abi.FUSE_UNLINK, made.nodeid, [name]).error).toBe(0);
    expect(client.call(abi.FUSE_MKNOD, 1n, [abi.FuseMknodIn.from({ mode: device }).bytes, 'tty']).error).toBe(-1);
  });

  test('writes where the guest says, though it appends', () => {
    const { client, folder } = shared();
    const id = client.find('hello');
    const fh = client.open(id, flags.write | flags.append);
    client.write(id, fh, 0n, Buffer.from('HELLO'));
    client.write(id, fh, 12n, Buffer.from('!'));
    expect(readFileSync(join(folder, 'hello'), 'utf8')).toBe('HELLO, guest!');
  });

  test('sets modes, sizes and times, also of files that are open', () => {
    const { client, folder } = shared();
    const path = join(folder, 'hello');
    const id = client.find('hello');
    expect(setattr(client, id, { valid: abi.FATTR_MODE, mode: 0o100_604 })).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o604);
    expect(setattr(client, id, { valid: abi.FATTR_SIZE, size: 5n })).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('hello');
    const fh = client.open(id, flags.write);
    expect(setattr(client, id, { valid: abi.FATTR_SIZE | abi.FATTR_FH, size: 8n, fh })).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('hello\0\0\0');
    const times = { atime: 1000n, atimensec: 5, mtime: 2n ** 64n - 10n, mtimensec: 7 };
    expect(setattr(client, id, { valid: abi.FATTR_ATIME | abi.FATTR_MTIME, ...times })).toBe(0);
    const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
    expect([atimeNs, mtimeNs]).toEqual([1_000_000_000_005n, -9_999_999_993n]);
    const now = { valid: abi.FATTR_MTIME | abi.FATTR_MTIME_NOW };
    expect(setattr(client, id, now)).toBe(0);
    expect(statSync(path).mtimeMs).toBeGreaterThan(1e12);
    // The numbers that mean "now" and "not at all" to the host are no nanoseconds.
    for (const mtimensec of [0x3fff_ffff, 0x3fff_fffe, 1_000_000_000]) {
      expect(setattr(client, id, { valid: abi.FATTR_MTIME, mtimensec })).toBe(-errno.EINVAL);
    }
    expect(setattr(client, client.find('link'), { valid: abi.FATTR_MODE, mode: 0 })).toBe(-errno.EOPNOTSUPP);
    expect(setattr(client, client.find('link'), { valid: abi.FATTR_MTIME, mtime: 5n })).toBe(0);
    expect(lstatSync(join(folder, 'link')).mtimeMs).toBe(5000);
    expect(setattr(client, client.find('sub'), { valid: abi.FATTR_SIZE, size: 5n })).toBe(-errno.EINVAL);
    expect(setattr(client, id, { valid: abi.FATTR_SIZE, size: 2n ** 63n })).toBe(-errno.EINVAL);
  });

  test('takes the rights of a program away when others write to it', () => {
    const { client, folder } = shared();
    const path = join(folder, 'hello');
    const id = client.find('hello');
    const fh = client.open(id, flags.write);
    chmodSync(path, 0o6755);
    client.write(id, fh, 0n, Buffer.from('x'), abi.FUSE_WRITE_KILL_SUIDGID);
    expect(statSync(path).mode & 0o7777).toBe(0o755);
  });

  test('reserves and gives back room', () => {
    const { client, folder } = shared();
    const { id, fh } = create(client, 'new');
    const allocate = (mode: number, offset: bigint, length: bigint): number =>
      client.call(abi.FUSE_FALLOCATE, id, [abi.FuseFallocateIn.from({ fh, offset, length, mode }).bytes]).error;
    expect(allocate(0, 0n, 10_000n)).toBe(0);
    expect(statSync(join(folder, 'new')).size).toBe(10_000);
    client.write(id, fh, 0n, new Uint8Array(10_000).fill(7));
    expect(allocate(3, 0n, 4096n)).toBe(0);
    expect(readFileSync(join(folder, 'new')).findIndex((byte) => byte !== 0)).toBe(4096);
    expect([allocate(8, 0n, 4096n), allocate(0, 0n, 0n), allocate(0, 2n ** 63n, 1n)]).toEqual([-95, -22, -22]);
  });

  test('keeps attributes of users, and no others', ({ skip }) => {
    const { client } = shared();
    const id = client.find('hello');
    const set = (name: string, value: string, how = 0): number => {
      const given = abi.FuseSetxattrIn.from({ size: value.length, flags: how }).bytes.subarray(0, 8);
      return client.call(abi.FUSE_SETXATTR, id, [given, name, Buffer.from(value)]).error;
    };
    const get = (opcode: number, size: number, ...name: string[]) =>
      client.call(opcode, id, [abi.FuseGetxattrIn.from({ size }).bytes, ...name]);
    for (const name of ['security.capability', 'trusted.x', 'system.posix_acl_access', 'user.', 'user']) {
      expect([set(name, 'x'), get(abi.FUSE_GETXATTR, 10, name).error]).toEqual([-95, -95]);
    }
    const made = set('user.colour', 'green');
    skip(made === -errno.EOPNOTSUPP, 'the file system has no attributes');
    expect(made).toBe(0);
    expect(text(get(abi.FUSE_GETXATTR, 100, 'user.colour').bytes)).toBe('green');
    expect(abi.FuseGetxattrOut.at(get(abi.FUSE_GETXATTR, 0, 'user.colour').bytes).size).toBe(5);
    expect(get(abi.FUSE_GETXATTR, 4, 'user.colour').error).toBe(-errno.ERANGE);
    expect(set('user.colour', 'red', 1)).toBe(-errno.EEXIST);
    expect(text(get(abi.FUSE_LISTXATTR, 100).bytes)).toBe('user.colour\0');
    expect(abi.FuseGetxattrOut.at(get(abi.FUSE_LISTXATTR, 0).bytes).size).toBe(12);
    expect(client.call(abi.FUSE_REMOVEXATTR, id, ['user.colour']).error).toBe(0);
    expect(get(abi.FUSE_GETXATTR, 100, 'user.colour').error).toBe(-errno.ENODATA);
  });

  test('nothing is changed where the guest may only read', () => {
    const { client, folder } = shared({ readOnly: true });
    const id = client.find('hello');
    expect(text(client.read(id, client.open(id), 0n, 100).bytes)).toBe('hello, guest');
    const given = new Uint8Array(128);
    for (const opcode of [
      ...[abi.FUSE_SETATTR, abi.FUSE_WRITE, abi.FUSE_CREATE, abi.FUSE_MKDIR, abi.FUSE_MKNOD, abi.FUSE_SYMLINK],
      ...[abi.FUSE_LINK, abi.FUSE_UNLINK, abi.FUSE_RMDIR, abi.FUSE_RENAME, abi.FUSE_RENAME2, abi.FUSE_FALLOCATE],
      ...[abi.FUSE_SETXATTR, abi.FUSE_REMOVEXATTR],
    ]) {
      expect([opcode, client.call(opcode, id, [given]).error]).toEqual([opcode, -errno.EROFS]);
    }
    for (const how of [flags.write, flags.readWrite, flags.truncate]) {
      expect(errorOf(() => client.open(id, how))).toBe(errno.EROFS);
    }
    expect(readFileSync(join(folder, 'hello'), 'utf8')).toBe('hello, guest');
  });
});

describe('owners', () => {
  const isRoot = process.geteuid?.() === 0;
  const chown = (client: FuseClient, id: bigint, uid: number, gid: number): number => {
    const given = abi.FuseSetattrIn.from({ valid: abi.FATTR_UID | abi.FATTR_GID, uid, gid });
    return client.call(abi.FUSE_SETATTR, id, [given.bytes]).error;
  };
  const mkdir = (client: FuseClient, name: string): number =>
    client.call(abi.FUSE_MKDIR, 1n, [abi.FuseMkdirIn.from({ mode: 0o777 }).bytes, name]).error;

  test('all belong to the root of the guest', () => {
    const { client, folder } = shared({ ids: 'squash' });
    const { attr, nodeid } = client.lookup('hello');
    expect([attr.uid, attr.gid]).toEqual([0, 0]);
    expect([chown(client, nodeid, 0, 0), chown(client, nodeid, 1000, 0)]).toEqual([0, -errno.EPERM]);
    client.uid = 1000;
    expect(mkdir(client, 'new')).toBe(0);
    expect(statSync(join(folder, 'new')).uid).toBe(process.geteuid?.());
  });

  test.skipIf(!isRoot)('are those of the host', () => {
    const { client, folder } = shared();
    chmodSync(folder, 0o777);
    client.uid = 1000;
    client.gid = 1001;
    expect(mkdir(client, 'new')).toBe(0);
    const { uid, gid } = statSync(join(folder, 'new'));
    expect([uid, gid]).toEqual([1000, 1001]);
    client.uid = 0;
    expect(mkdir(client, 'another')).toBe(0);
    expect(statSync(join(folder, 'another')).uid).toBe(0);
    expect(chown(client, client.find('new'), 5, 6)).toBe(0);
    expect(statSync(join(folder, 'new')).uid).toBe(5);
  });

  test.skipIf(!isRoot)('are mapped by ranges', () => {
    const { client, folder } = shared({
      ids: { uids: [{ guest: 1000, host: 5000, count: 10 }], gids: [{ guest: 0, host: 7000 }] },
    });
    chmodSync(folder, 0o777);
    expect(mkdir(client, 'refused')).toBe(-errno.EPERM);
    client.uid = 1003;
    expect(mkdir(client, 'new')).toBe(0);
    const { uid, gid } = statSync(join(folder, 'new'));
    expect([uid, gid]).toEqual([5003, 7000]);
    const { attr, nodeid } = client.lookup('new');
    expect([attr.uid, attr.gid]).toEqual([1003, 0]);
    expect(client.lookup('hello').attr.uid).toBe(65_534);
    expect([chown(client, nodeid, 1009, 0), chown(client, nodeid, 1010, 0)]).toEqual([0, -errno.EPERM]);
    expect(statSync(join(folder, 'new')).uid).toBe(5009);
  });
});

describe('tables', () => {
  test('have a bound for files, which can be forgotten', () => {
    const { client, folder } = shared({ inodes: 4 });
    const [first] = ['hello', 'sub', 'link'].map((name) => client.lookup(name).nodeid);
    expect(errorOf(() => client.lookup('up'))).toBe(errno.ENFILE);
    expect(client.call(abi.FUSE_MKDIR, 1n, [new abi.FuseMkdirIn().bytes, 'new']).error).toBe(-errno.ENFILE);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(client.lookup('hello').nodeid).toBe(first);
    const forget = (nodeid: bigint, nlookup: bigint) =>
      client.call(abi.FUSE_FORGET, nodeid, [abi.FuseForgetIn.from({ nlookup }).bytes], 0);
    expect(forget(first as bigint, 1n).error).toBeNaN();
    expect(errorOf(() => client.lookup('up'))).toBe(errno.ENFILE);
    forget(first as bigint, 1n);
    forget(1n, 2n ** 63n);
    forget(77n, 1n);
    expect(client.lookup('up').nodeid).not.toBe(first);
    const ones = [2n, 3n, 4n, 5n].map((nodeid) => abi.FuseForgetOne.from({ nodeid, nlookup: 9n }).bytes);
    client.call(abi.FUSE_BATCH_FORGET, 0n, [abi.FuseBatchForgetIn.from({ count: 999 }).bytes, ...ones], 0);
    for (const name of ['hello', 'sub', 'link']) client.lookup(name);
  });

  test('have a bound for what is open', () => {
    const { client } = shared({ handles: 2 });
    const id = client.find('hello');
    const fh = client.open(id);
    client.open(id);
    expect(errorOf(() => client.open(id))).toBe(errno.ENFILE);
    expect(client.call(abi.FUSE_OPENDIR, 1n, [new abi.FuseOpenIn().bytes]).error).toBe(-errno.ENFILE);
    // Handles of files are none of folders.
    expect(client.call(abi.FUSE_RELEASEDIR, id, [abi.FuseReleaseIn.from({ fh }).bytes]).error).toBe(-errno.EBADF);
    expect(client.call(abi.FUSE_RELEASE, id, [abi.FuseReleaseIn.from({ fh }).bytes]).error).toBe(0);
    client.open(id);
  });
});

describe('broken requests', () => {
  test('without a header, or without room for one, are no requests', () => {
    const { client } = shared();
    expect(client.raw(new Uint8Array(39), 100)).toBeUndefined();
    const header = abi.FuseInHeader.from({ len: 40, opcode: abi.FUSE_STATFS, nodeid: 1n });
    expect(client.raw(header.bytes, 15)).toBeUndefined();
    expect(client.raw(header.bytes, 16)?.error).toBe(-errno.EINVAL);
  });

  test('of another length than they say, or with too little room for the answer, do nothing', () => {
    const { client, folder } = shared();
    const mkdir = (len: number, room: number): number | undefined => {
      const header = abi.FuseInHeader.from({ len, opcode: abi.FUSE_MKDIR, nodeid: 1n });
      return client.raw(Buffer.concat([header.bytes, new Uint8Array(8), Buffer.from('new\0')]), room)?.error;
    };
    expect([mkdir(51, 200), mkdir(53, 200), mkdir(52, 143)]).toEqual([-22, -22, -22]);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(mkdir(52, 144)).toBe(0);
    const id = client.find('hello');
    const fh = client.open(id, flags.write);
    const given = abi.FuseWriteIn.from({ fh, size: 5 });
    expect(client.call(abi.FUSE_WRITE, id, [given.bytes, Buffer.from('four')]).error).toBe(-errno.EINVAL);
  });
});
