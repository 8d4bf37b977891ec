import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FuseClient } from '../../../test/fuse-client.js';
import * as abi from '../../abi/fuse/index.js';

const secret = 'what no guest may read';
/** Where something is that no guest may reach: beside the shared folder. */
const outside = ['secret', 'folder/secret', 'folder/inner/secret'];

/** A place with a shared folder, full of symlinks that lead out of it. */
function farm() {
  const place = mkdtempSync(join(tmpdir(), 'kvm-fs-farm-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const beside = join(place, 'outside');
  mkdirSync(join(beside, 'folder/inner'), { recursive: true });
  for (const name of outside) writeFileSync(join(beside, name), secret);
  const folder = join(place, 'shared');
  const plant = (): void => {
    rmSync(folder, { recursive: true, force: true });
    for (const sub of ['', 'a', 'a/b']) {
      mkdirSync(join(folder, sub), { recursive: true });
      writeFileSync(join(folder, sub, 'file'), 'for the guest');
      symlinkSync('..', join(folder, sub, 'up'));
      symlinkSync(beside, join(folder, sub, 'absolute'));
      symlinkSync('../outside/secret', join(folder, sub, 'secret'));
      symlinkSync('../../outside', join(folder, sub, 'relative'));
      symlinkSync('loop', join(folder, sub, 'loop'));
      symlinkSync('/proc/self/root', join(folder, sub, 'magic'));
    }
  };
  plant();
  return { place, beside, folder, plant };
}

/** Everything about what is outside that a call could have changed; reading a file does not. */
function stateOf(beside: string): unknown {
  return ['', 'folder', 'folder/inner', ...outside].map((name) => {
    const { mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = lstatSync(join(beside, name), { bigint: true });
    const content = outside.includes(name) ? readFileSync(join(beside, name), 'utf8') : readdirSync(join(beside, name));
    return [name, mode, uid, gid, size, nlink, mtimeNs, ctimeNs, content];
  });
}

const opcodes = Object.values(abi.FuseOpcode).filter((opcode) => opcode < 100);

/** Those that are tried most: they find files, make them and move them. */
const common = [
  ...[abi.FUSE_LOOKUP, abi.FUSE_GETATTR, abi.FUSE_SETATTR, abi.FUSE_SYMLINK, abi.FUSE_MKDIR, abi.FUSE_UNLINK],
  ...[abi.FUSE_RENAME, abi.FUSE_LINK, abi.FUSE_CREATE, abi.FUSE_OPEN, abi.FUSE_READ, abi.FUSE_WRITE],
  ...[abi.FUSE_OPENDIR, abi.FUSE_READDIR, abi.FUSE_READ, abi.FUSE_WRITE, abi.FUSE_RENAME, abi.FUSE_READDIR],
];

const names = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'file', 'new', 'x') },
  { weight: 4, arbitrary: fc.constantFrom('up', 'absolute', 'secret', 'relative', 'loop', 'magic', 'inner', 'folder') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('..', '.', '', '/', '../outside', 'up/outside', '/etc/passwd', 'a/file', 'a/../..'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 300 }) },
);

/** Numbers in arguments: of files and handles, flags, and edges. Half of them are not far from what there is. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(1n, 1n, 2n) },
  { weight: 5, arbitrary: fc.nat(12).map(BigInt) },
  { weight: 2, arbitrary: fc.constantFrom(0o100n, 0o1001n, 0o2002n, 0o100_644n, 0o40_755n, 0o10_600n, 0xfffn) },
  { weight: 1, arbitrary: fc.constantFrom(4096n, 0xffff_ffffn, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n) },
);

const request = fc.record({
  opcode: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...common) },
    { weight: 8, arbitrary: fc.constantFrom(...opcodes) },
    { weight: 1, arbitrary: fc.nat(5000) },
  ),
  nodeid: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(1n, 1n, 2n, 3n) },
    { weight: 5, arbitrary: fc.nat(12).map(BigInt) },
    { weight: 1, arbitrary: word },
  ),
  words: fc.array(word, { maxLength: 12 }),
  names: fc.array(names, { minLength: 1, maxLength: 3 }),
  tail: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
  /** Bytes that the header's length is wrong by, mostly none. */
  wrong: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -40, max: 9 }) },
  ),
  room: fc.oneof({ weight: 8, arbitrary: fc.constant(1024) }, { weight: 1, arbitrary: fc.nat(300) }),
  uid: fc.constantFrom(0, 0, 0, 1000, 0xffff_ffff),
});
type Request = typeof request extends fc.Arbitrary<infer R> ? R : never;

/** The arguments before names, for requests that have some: as long as the kernel's, mostly. */
const argumentSizes: Readonly<Record<number, number>> = {
  [abi.FUSE_GETATTR]: 16,
  [abi.FUSE_SETATTR]: abi.FuseSetattrIn.size,
  [abi.FUSE_MKNOD]: 16,
  [abi.FUSE_MKDIR]: 8,
  [abi.FUSE_RENAME]: 8,
  [abi.FUSE_RENAME2]: 16,
  [abi.FUSE_LINK]: 8,
  [abi.FUSE_OPEN]: 8,
  [abi.FUSE_OPENDIR]: 8,
  [abi.FUSE_CREATE]: 16,
  [abi.FUSE_LOOKUP]: 0,
  [abi.FUSE_UNLINK]: 0,
  [abi.FUSE_RMDIR]: 0,
  [abi.FUSE_SYMLINK]: 0,
  [abi.FUSE_READLINK]: 0,
  [abi.FUSE_READ]: 40,
  [abi.FUSE_READDIR]: 40,
  [abi.FUSE_READDIRPLUS]: 40,
  [abi.FUSE_WRITE]: 40,
  [abi.FUSE_SETXATTR]: 8,
  [abi.FUSE_GETXATTR]: 8,
  [abi.FUSE_INIT]: 64,
};

/** The bytes of a request. Numbers of 32 bits are halves of words. */
function bytesOf({ opcode, nodeid, words, names: texts, tail, wrong, uid }: Request): Uint8Array {
  const fixed = Buffer.alloc(argumentSizes[opcode] ?? 8 * words.length);
  for (let at = 0; at + 8 <= fixed.length && words.length > 0; at += 8) {
    const each = words[(at / 8) % words.length] as bigint;
    // Two small numbers, or a large one. The room for a file is taken from the host: a little, or more than it has.
    const isPair = each < 2n ** 32n && at % 16 === 8;
    fixed.writeBigUint64LE(isPair ? each | (BigInt(words.length) << 32n) : each, at);
  }
  const data = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, tail);
  if (opcode === abi.FUSE_WRITE && words.length % 4 !== 0) fixed.writeUInt32LE(data, 16);
  if (opcode === abi.FUSE_FALLOCATE && fixed.length >= 24)
    fixed.writeBigUint64LE(words.length > 5 ? 2n ** 62n : 99n, 16);
  const body = Buffer.concat([fixed, ...texts.map((text) => Buffer.from(`${text}\0`)), Buffer.alloc(tail, 0x61)]);
  const length = abi.FuseInHeader.size + body.length;
  const header = abi.FuseInHeader.from({ len: length, opcode, nodeid, unique: 7n, uid, gid: uid });
  return Buffer.concat([header.bytes, body]).subarray(0, wrong < 0 ? length + wrong : length);
}

test('whatever requests say, nothing outside the folder is read or changed', { timeout: 120_000 }, () => {
  const { beside, folder, plant } = farm();
  const before = stateOf(beside);
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const done = new Set<number>();
  let answers = 0;
  fc.assert(
    fc.property(fc.array(request, { minLength: 10, maxLength: 80 }), fc.boolean(), (requests, readOnly) => {
      plant();
      const open = descriptors();
      const client = new FuseClient(folder, { readOnly, inodes: 12, handles: 6, piece: 61 });
      client.init();
      // It begins with some files and handles.
      for (const name of ['a', 'file', 'up', 'absolute']) client.lookup(name);
      client.open(client.lookup('file').nodeid, readOnly ? 0 : 2);
      client.ask(abi.FUSE_OPENDIR, 1n, [new abi.FuseOpenIn().bytes], abi.FuseOpenOut);
      for (const each of requests) {
        const answer = client.raw(bytesOf(each), each.room);
        if (answer === undefined) continue;
        answers++;
        expect(answer.error).toBeLessThanOrEqual(0);
        expect(answer.error).toBeGreaterThan(-4096);
        if (answer.error !== 0) expect(answer.bytes.length).toBe(0);
        else done.add(each.opcode);
        expect(Buffer.from(answer.bytes).includes(secret)).toBe(false);
      }
      expect(descriptors()).toBeLessThanOrEqual(open + 12 + 6 + 4);
      client.close();
      expect(descriptors()).toBe(open);
    }),
    { numRuns: 250 },
  );
  expect(stateOf(beside)).toEqual(before);
  // The requests are such that many of them do something.
  expect(answers).toBeGreaterThan(4000);
  expect(done.size).toBeGreaterThan(16);
});

/** Exchanges a folder for a symlink that leads out, again and again, until it is told to stop. */
const swapper = `
const { renameSync } = require('node:fs');
const { workerData: { folder, words } } = require('node:worker_threads');
const at = (name) => folder + '/' + name;
while (Atomics.load(words, 0) === 0) {
  renameSync(at('a'), at('hidden'));
  renameSync(at('absolute'), at('a'));
  renameSync(at('a'), at('absolute'));
  renameSync(at('hidden'), at('a'));
  Atomics.add(words, 1, 1);
}`;

test('names that change meanwhile lead nowhere else', { timeout: 120_000 }, async () => {
  const { beside, folder } = farm();
  const before = stateOf(beside);
  const client = new FuseClient(folder);
  client.init();
  const words = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(swapper, { eval: true, workerData: { folder, words } });
  const seen = { folder: 0, symlink: 0, nothing: 0 };
  const create = abi.FuseCreateIn.from({ flags: 0o102, mode: 0o644 }).bytes;
  const mkdir = abi.FuseMkdirIn.from({ mode: 0o755 }).bytes;
  try {
    for (let round = 0; round < 4000 || Math.min(seen.folder, seen.symlink) === 0 || words[1] === 0; round++) {
      const found = client.call(abi.FUSE_LOOKUP, 1n, ['a']);
      if (found.error !== 0) {
        seen.nothing++;
        continue;
      }
      const { nodeid, attr } = abi.FuseEntryOut.at(found.bytes.slice());
      const isFolder = (attr.mode & 0o170_000) === 0o040_000;
      if (isFolder) seen.folder++;
      else seen.symlink++;
      const results = [
        client.call(abi.FUSE_CREATE, nodeid, [create, 'planted']),
        client.call(abi.FUSE_MKDIR, nodeid, [mkdir, 'made']),
        client.call(abi.FUSE_RMDIR, nodeid, ['made']),
        client.call(abi.FUSE_UNLINK, nodeid, ['planted']),
      ];
      // What was a folder when it was found is one still, wherever it is now.
      expect(results.map(({ error }) => error === 0)).toEqual(results.map(() => isFolder));
      const inner = client.call(abi.FUSE_LOOKUP, nodeid, ['folder']);
      expect(inner.error).toBeLessThan(0);
      if (round % 50 === 0) client.call(abi.FUSE_DESTROY, 0n);
    }
  } finally {
    Atomics.store(words, 0, 1);
    await worker.terminate();
    client.close();
  }
  expect(stateOf(beside)).toEqual(before);
  expect(existsSync(join(beside, 'planted'))).toBe(false);
});
