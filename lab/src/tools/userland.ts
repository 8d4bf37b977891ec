import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cachedFolder } from '../cache.js';
import type { Progress } from '../progress.js';
import { unpackTools } from './busybox.js';

/** Commands that scripts need and that the host has only for its own processor. */
const applets = [
  'sh ash awk basename cat chmod chown cp cut date dd dirname dmesg du echo env false find grep head',
  'hexdump hostname id kill ln ls mkdir mktemp mount mv nproc od printf ps pwd readlink realpath rm',
  'rmdir sed seq sleep sort stat sync tail tar test time timeout touch tr true uname uniq wc which',
  'xargs',
].flatMap((line) => line.split(' '));

/**
 * The layer over the host's files in a lab of another architecture: Debian's Node with its libraries, and busybox for
 * the commands of a shell.
 */
export async function fetchUserland(architecture: Architecture, progress: Progress): Promise<string> {
  return cachedFolder(join('userland', architecture.name), async (fresh) => {
    progress.step(`downloading Node for ${architecture.name}`);
    await unpackTools(['nodejs', 'busybox-static'], architecture, fresh);
    for (const name of applets) symlinkSync('busybox', join(fresh, 'usr/bin', name));
  });
}
