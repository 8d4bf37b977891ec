import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@kvm/core/backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { kvmError } from '../../../../kvm-core/test/errors.js';
import { ram } from '../../../test/ram.js';
import { kinds } from '../../../test/virtio-driver.js';
import * as abi from '../../abi/fuse/index.js';
import { VirtioFsConfig } from '../../abi/virtio/structs.js';
import type { ShareOptions } from '../../machine/document.js';
import { GuestDma } from '../../memory/guest-dma.js';
import { Fs } from './fs.js';
import { Host } from './host.js';
import { openShare } from './open-share.js';
import { sharesOf } from './share-options.js';

const at = { request: 0x8000, answer: 0xa000 };

function device(Kind: (typeof kinds)[number][1]) {
  const place = mkdtempSync(join(tmpdir(), 'kvm-fs-'));
  writeFileSync(join(place, 'hello'), 'hello, guest');
  const memory = ram(2 ** 16, 2 ** 16);
  const [options] = sharesOf([{ path: place, tag: 'a tag' }], () => '');
  const share = openShare(options as Required<ShareOptions>, 1);
  const fs = new Fs({ name: 'fs0', share: share.order, memory, host: new Host(selectBackend()) });
  onTestFinished(() => {
    fs.close();
    share.close();
    rmSync(place, { recursive: true });
  });
  let resets = 0;
  fs.attach({ configChanged: () => {}, usedChains: () => {}, needsReset: () => resets++ });
  const driver = new Kind(memory, 16, false);
  let interrupts = 0;
  const activate = (queue: number): void => {
    const ring = driver.open(new GuestDma(memory), { interrupt: () => interrupts++ });
    fs.activate(queue === 0 ? [ring, undefined] : [undefined, ring]);
  };
  /** Makes a request, and returns how many bytes the device says it has written, and what lies there. */
  const call = (queue: number, opcode: number, nodeid: bigint, body: Uint8Array, room: number) => {
    const len = abi.FuseInHeader.size + body.length;
    const header = abi.FuseInHeader.from({ len, opcode, nodeid, unique: 5n });
    memory.write(at.request, Buffer.concat([header.bytes, body]));
    const pieces = [
      { address: at.request, length: 30, isWritable: false },
      { address: at.request + 30, length: len - 30, isWritable: false },
      { address: at.answer, length: room, isWritable: true },
    ];
    driver.add(pieces.slice(0, room === 0 ? 2 : 3));
    fs.notify(queue);
    const used = driver.used();
    return used && { length: used.length, bytes: memory.read(at.answer, used.length) };
  };
  const state = { get: () => ({ resets, interrupts }) };
  return { fs, driver, call, activate, state, memory };
}

describe.each(kinds)('a share with a %s ring', (_, Kind) => {
  test('answers requests, and knows nothing of them after a reset', () => {
    const { fs, call, activate, state } = device(Kind);
    const config = VirtioFsConfig.at(fs.config);
    expect([Buffer.from(config.tag).toString(), config.numRequestQueues]).toEqual(['a tag'.padEnd(36, '\0'), 1]);
    activate(1);
    const lookup = (): [number, bigint] => {
      const { bytes = new Uint8Array() } = call(1, abi.FUSE_LOOKUP, 1n, Buffer.from('hello\0'), 200) ?? {};
      const { error, len, unique } = abi.FuseOutHeader.at(bytes.slice(0, 16));
      expect([len, unique]).toEqual([bytes.length, 5n]);
      return [error, abi.FuseEntryOut.at(bytes.slice(16)).nodeid];
    };
    expect([lookup(), lookup()]).toEqual([
      [0, 2n],
      [0, 2n],
    ]);
    expect(state.get()).toEqual({ resets: 0, interrupts: 2 });
    fs.load(fs.save());
    fs.notify(1);
    activate(1);
  });

  test('takes what is never answered from its first queue', () => {
    const { call, activate } = device(Kind);
    activate(0);
    const forget = abi.FuseForgetIn.from({ nlookup: 1n }).bytes;
    expect(call(0, abi.FUSE_FORGET, 2n, forget, 0)?.length).toBe(0);
    expect(call(0, abi.FUSE_INTERRUPT, 0n, new abi.FuseInterruptIn().bytes, 0)?.length).toBe(0);
  });

  test('is broken by a chain that is no request', () => {
    const { call, activate, state } = device(Kind);
    activate(1);
    expect(call(1, abi.FUSE_STATFS, 1n, new Uint8Array(), 15)).toBeUndefined();
    expect(state.get().resets).toBe(1);
  });
});

describe('options of shares', () => {
  const check = (shares: ShareOptions[]) => sharesOf(shares, (path) => path);

  test('have defaults', () => {
    expect(check([{ path: '/srv/data/' }])).toEqual([
      { path: '/srv/data/', tag: 'data', readOnly: true, cache: 'auto', ids: 'host' },
    ]);
  });

  test.each([
    ['no name', [{ path: '/' }], 'shares[0].tag is needed for /, which has no name of its own'],
    ['a long one', [{ path: '/srv', tag: 'ü'.repeat(19) }], 'shares[0].tag must have at most 36 bytes'],
    ['a zero byte', [{ path: '/srv', tag: 'a\0' }], 'shares[0].tag must have no zero byte'],
    ['the same twice', [{ path: '/a/x' }, { path: '/b/x' }], 'shares[1].tag must be another one than x'],
  ])('refuse a tag: %s', (_, shares, message) => {
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => check(shares)).message).toContain(message);
  });

  test('a folder that cannot be shared is refused with what to do', () => {
    const place = mkdtempSync(join(tmpdir(), 'kvm-fs-'));
    onTestFinished(() => rmSync(place, { recursive: true }));
    writeFileSync(join(place, 'file'), '');
    const open = (name: string) => {
      const [share] = check([{ path: join(place, name) }]);
      return kvmError('ERR_KVM_INVALID_ARGUMENT', () => openShare(share as Required<ShareOptions>, 1));
    };
    expect(open('nothing')).toMatchObject({ hint: `make it: mkdir ${place}/nothing` });
    expect(open('file').message).toContain(`the folder ${place}/file cannot be shared: ENOTDIR`);
  });

  test('descriptors are closed once, and divided among shares', () => {
    const [share] = check([{ path: tmpdir() }]);
    const [one, four] = [1, 4].map((count) => openShare(share as Required<ShareOptions>, count));
    expect(four?.order.handles).toBeLessThanOrEqual(one?.order.handles as number);
    for (const each of [one, four, one]) each?.close();
  });
});
