import { expect, test } from 'vitest';
import { VirtioFsConfig } from '../../abi/virtio/structs.js';
import { sharesOf } from './share-options.js';

const check = (tag: string) => sharesOf([{ path: '/srv', tag }], (path) => path);

test('a tag is as long as the configuration space has room', () => {
  const size = new VirtioFsConfig().tag.length;
  expect(check('t'.repeat(size))[0]?.tag).toHaveLength(size);
  expect(() => check('t'.repeat(size + 1))).toThrow(`shares[0].tag must have at most ${size} bytes`);
  // Bytes count, not characters.
  expect(() => check('\u00e4'.repeat(size / 2 + 1))).toThrow('bytes');
});
