import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cachedFolder, withScratch } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { unpackDebs } from '../debian/unpack.js';
import type { Progress } from '../progress.js';

/** The suite that what runs inside a lab comes from. It has every architecture. */
export const toolSuite = 'trixie';

/** The static busybox that a lab's init is made of. */
export async function fetchBusybox(architecture: Architecture, progress: Progress): Promise<string> {
  const folder = await cachedFolder(join('busybox', `${toolSuite}-${architecture.name}`), async (fresh) => {
    await withScratch(async (scratch) => {
      progress.step(`downloading busybox for ${architecture.name}`);
      const apt = await SuiteApt.open(toolSuite, architecture.debian);
      const debs = await apt.downloadWithDependencies(['busybox-static'], scratch);
      const unpacked = join(scratch, 'unpacked');
      await unpackDebs(debs, unpacked);
      copyFileSync(join(unpacked, 'usr/bin/busybox'), join(fresh, 'busybox'));
    });
  });
  return join(folder, 'busybox');
}
