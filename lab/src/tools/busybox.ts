import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cachedFolder, withScratch } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { unpackDebs } from '../debian/unpack.js';
import type { Progress } from '../progress.js';

/** The suites for the tools inside a lab; the first available one is used. They have every architecture. */
const toolSuites = ['trixie', 'testing'];

/** Downloads and unpacks packages of tools with all their dependencies. @throws LabError if no suite is available. */
export async function unpackTools(names: readonly string[], architecture: Architecture, folder: string): Promise<void> {
  await withScratch(async (scratch) => {
    const debs = await download(names, architecture, scratch);
    await unpackDebs(debs, folder);
  });
}

async function download(names: readonly string[], architecture: Architecture, folder: string): Promise<string[]> {
  const failures: unknown[] = [];
  for (const suite of toolSuites) {
    try {
      const apt = await SuiteApt.open(suite, architecture.debian);
      return await apt.downloadWithDependencies(names, folder);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/** The static busybox of a lab's init. */
export async function fetchBusybox(architecture: Architecture, progress: Progress): Promise<string> {
  const folder = await cachedFolder(join('busybox', architecture.name), async (fresh) => {
    progress.step(`downloading busybox for ${architecture.name}`);
    await withScratch(async (scratch) => {
      const unpacked = join(scratch, 'unpacked');
      await unpackTools(['busybox-static'], architecture, unpacked);
      copyFileSync(join(unpacked, 'usr/bin/busybox'), join(fresh, 'busybox'));
    });
  });
  return join(folder, 'busybox');
}
