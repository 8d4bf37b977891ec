import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ArchivePackage, TestArchive } from '../../../test/debian.js';
import { ownCache } from '../../../test/folder.js';
import { titled, without } from '../../../test/host.js';
import type { Progress } from '../../progress.js';
import { findTarget } from '../../targets/index.js';
import { suiteHeaders } from './suite.js';

const noApt = without('apt-get', 'tar');

const x86 = findTarget('x86');
const arm64 = findTarget('arm64');

function libcDev(version: string, architecture: string, text = version): ArchivePackage {
  return { name: 'linux-libc-dev', version, architecture, files: { 'usr/include/linux/kvm.h': text } };
}

/** Records the messages while headers are fetched. */
class RecordedProgress implements Progress {
  steps: string[] = [];
  notes: string[] = [];
  step(text: string): void {
    this.steps.push(text);
  }
  note(text: string): void {
    this.notes.push(text);
  }
  done(): void {}
}

/** A suite with these packages, and a function that fetches its headers and reads one. */
function suite(...packages: ArchivePackage[]) {
  const cache = ownCache();
  const archive = new TestArchive('testing-suite');
  archive.publish(packages);
  const messages = new RecordedProgress();
  const fetch = async (target = x86, name = 'testing-suite', fresh = false): Promise<string> => {
    const folder = await suiteHeaders(name, target, { progress: messages, fresh });
    const include = readdirSync(folder).includes('include') ? 'include' : 'usr/include';
    return readFileSync(join(folder, include, 'linux/kvm.h'), 'utf8');
  };
  return { cache, archive, messages, fetch };
}

describe.skipIf(noApt)(titled('a suite of Debian', noApt), () => {
  it('is downloaded once and then read from the cache', async () => {
    const { archive, messages, fetch } = suite(libcDev('6.1.2-1', 'amd64'));
    expect(await fetch()).toBe('6.1.2-1');
    archive.close();
    messages.steps = [];
    expect(await fetch()).toBe('6.1.2-1');
    expect(messages.steps).toEqual([]);
  });

  it('falls back to the cache with a note where the archive cannot be reached', async () => {
    const { archive, messages, fetch } = suite(libcDev('6.1.2-1', 'amd64'));
    await fetch();
    archive.close();
    // The cache's time must precede this process's, as if an earlier run had filled it.
    expect(await withOldNotes(() => fetch())).toBe('6.1.2-1');
    expect(messages.notes).toEqual([expect.stringMatching(/taken from the cache: linux-libc-dev 6\.1\.2-1$/)]);
  });

  it('is asked again after a day, and its new version is used', async () => {
    const { archive, fetch } = suite(libcDev('6.1.2-1', 'amd64'));
    await fetch();
    archive.publish([libcDev('6.1.3-1', 'amd64')]);
    expect(await fetch()).toBe('6.1.2-1');
    expect(await withOldNotes(() => fetch())).toBe('6.1.3-1');
  });

  it('is downloaded again where the cache is broken', async () => {
    const { cache, fetch } = suite(libcDev('6.1.2-1', 'amd64'));
    await fetch();
    const [file = ''] = readdirSync(join(cache, 'debs'));
    const path = join(cache, 'debs', file);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, 100));
    expect(await fetch()).toBe('6.1.2-1');
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it('has one package for all architectures, one for each, or one for cross compilers', async () => {
    const all = suite(libcDev('6.12-1', 'all'));
    expect(await all.fetch()).toBe('6.12-1');
    all.archive.close();
    expect(await all.fetch(arm64)).toBe('6.12-1');

    const each = suite(libcDev('6.1-1', 'amd64', 'for amd64'), libcDev('6.1-1', 'arm64', 'for arm64'));
    expect([await each.fetch(), await each.fetch(arm64)]).toEqual(['for amd64', 'for arm64']);

    const cross = { 'usr/aarch64-linux-gnu/include/linux/kvm.h': 'for cross compilers' };
    const own = { name: 'linux-libc-dev-arm64-cross', version: '6.1', architecture: 'all', files: cross };
    expect(await suite(libcDev('6.1-1', 'amd64'), own).fetch(arm64)).toBe('for cross compilers');
  });

  it('has clear errors', async () => {
    const { archive, cache, fetch } = suite(libcDev('6.1-1', 'amd64'));
    await expect(fetch(x86, 'nowhere')).rejects.toThrow(
      "no suite 'nowhere' in the archive that the system's apt sources name",
    );
    await expect(fetch(x86, 'trixie-security')).rejects.toThrow('add a security archive of Debian to them');
    await expect(fetch(x86, 'no/name')).rejects.toThrow("'no/name' is not the name of a Debian suite");
    await expect(fetch(arm64)).rejects.toThrow("has no package of kernel headers for arm64 (Debian's arm64)");
    const [file = ''] = readdirSync(join(archive.folder, 'pool'));
    writeFileSync(join(archive.folder, 'pool', file), 'something else');
    await expect(fetch()).rejects.toThrow(/^apt could not get testing-suite: /);
    expect(readdirSync(join(cache, 'scratch'))).toEqual([]);
  });

  it('leaves the system’s own apt as it is', async () => {
    const { cache, fetch } = suite(libcDev('6.1.2-1', 'amd64'));
    await fetch();
    expect(readdirSync(cache).sort()).toEqual(['debs', 'packages', 'scratch', 'suites']);
    expect(readdirSync(join(cache, 'suites'))).toEqual(['testing-suite-amd64.json']);
  });

  async function withOldNotes<T>(work: () => Promise<T>): Promise<T> {
    const folder = join(process.env['XDG_CACHE_HOME'] ?? '', 'magic-gen/suites');
    for (const name of readdirSync(folder)) {
      const note = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      writeFileSync(join(folder, name), JSON.stringify({ ...note, asked: 0 }));
    }
    return work();
  }
});

describe('a system without apt', () => {
  it('suggests the other sources', async () => {
    ownCache();
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      const asked = suiteHeaders('trixie', x86, { progress: new RecordedProgress() });
      await expect(asked).rejects.toThrow(/^apt-config is not installed: .*--deb FILE/);
    } finally {
      process.env['PATH'] = path;
    }
  });
});
