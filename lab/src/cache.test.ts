import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { cacheDirectory, cachedFolder, withScratch } from './cache.js';

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'lab-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
});

/** Counts how often the folder is made. */
function thing(): { made: () => number; get: () => Promise<string> } {
  let made = 0;
  const get = (): Promise<string> =>
    cachedFolder('things/one', async (folder) => {
      made++;
      writeFileSync(join(folder, 'file'), 'all of it');
    });
  return { made: () => made, get };
}

test('a folder of the cache is made once', async () => {
  const { made, get } = thing();
  const folder = await get();
  expect(await get()).toBe(folder);
  expect(made()).toBe(1);
  expect(folder).toBe(join(cacheDirectory(), 'things/one'));
});

test.each([
  ['a file that was cut short', (file: string) => truncateSync(file, 3)],
  ['a file that is gone', (file: string) => rmSync(file)],
  ['a list that is broken', (file: string) => writeFileSync(join(file, '../manifest.json'), '{')],
])('%s is noticed, and made again', async (_, damage) => {
  const { made, get } = thing();
  const folder = await get();
  damage(join(folder, 'file'));
  expect(readFileSync(join(await get(), 'file'), 'utf8')).toBe('all of it');
  expect(made()).toBe(2);
});

test('a failed attempt leaves nothing in the cache', async () => {
  const failing = cachedFolder('things/two', async (folder) => {
    writeFileSync(join(folder, 'file'), 'half');
    throw new Error('the network is gone');
  });
  await expect(failing).rejects.toThrow('the network is gone');
  expect(readdirSync(cacheDirectory())).toEqual(['scratch']);
  expect(readdirSync(join(cacheDirectory(), 'scratch'))).toEqual([]);
});

test('temporary folders of killed processes are removed, those of running ones are kept', async () => {
  await withScratch(async (folder) => {
    // No process has this id.
    const left = join(folder, '../4194305-left');
    writeFileSync(left, '');
    await withScratch(async (other) => {
      expect(readdirSync(join(folder, '..')).toSorted()).toEqual(
        [folder, other].map((path) => path.split('/').at(-1)).toSorted(),
      );
    });
  });
});
