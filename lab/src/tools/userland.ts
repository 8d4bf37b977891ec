import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cachedFolder, withScratch } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { unpackDebs } from '../debian/unpack.js';
import type { Progress } from '../progress.js';
import { toolSuite } from './busybox.js';

/** Commands a script needs, which the host has for its own processor only. */
const applets =
  'sh ash awk basename cat chmod chown cp cut date dd dirname dmesg du echo env false find grep head hexdump hostname id kill ln ls mkdir mktemp mount mv nproc od printf ps pwd readlink realpath rm rmdir sed seq sleep sort stat sync tail tar test time timeout touch tr true uname uniq wc which xargs'.split(
    ' ',
  );

/**
 * What lies over the host's files in a lab of another architecture: Debian's Node with its libraries, and busybox for the
 * commands of a shell.
 */
export async function fetchUserland(architecture: Architecture, progress: Progress): Promise<string> {
  return cachedFolder(join('userland', `${toolSuite}-${architecture.name}`), async (fresh) => {
    await withScratch(async (scratch) => {
      progress.step(`downloading Node for ${architecture.name}`);
      const apt = await SuiteApt.open(toolSuite, architecture.debian);
      const debs = await apt.downloadWithDependencies(['nodejs', 'busybox-static'], scratch);
      progress.step(`unpacking Node for ${architecture.name}`);
      await unpackDebs(debs, fresh);
    });
    for (const name of applets) symlinkSync('busybox', join(fresh, 'usr/bin', name));
  });
}
