import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { folderForTest, writeFiles } from './folder.js';

export function makeAr(members: readonly { name: string; data: Uint8Array }[]): Uint8Array {
  const parts = members.flatMap(({ name, data }) => [
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(12)}${'100644'.padEnd(8)}${`${data.length}`.padEnd(10)}\`\n`,
    ),
    data,
    Buffer.alloc(data.length % 2, '\n'),
  ]);
  return new Uint8Array(Buffer.concat([Buffer.from('!<arch>\n'), ...parts]));
}

/** Writes a package with these files. It has only what unpacking reads. */
export function makeDeb(path: string, files: Readonly<Record<string, string>>): void {
  const folder = folderForTest();
  const tarOf = (name: string, content: Readonly<Record<string, string>>): Uint8Array => {
    writeFiles(join(folder, name), content);
    const run = spawnSync('tar', ['-C', join(folder, name), '-czf', '-', '.'], { maxBuffer: 1 << 24 });
    return new Uint8Array(run.stdout);
  };
  const control = 'Package: linux-libc-dev\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: none\n';
  writeFileSync(
    path,
    makeAr([
      { name: 'debian-binary', data: Buffer.from('2.0\n') },
      { name: 'control.tar.gz', data: tarOf('control', { control }) },
      { name: 'data.tar.gz', data: tarOf('data', files) },
    ]),
  );
}

export interface ArchivePackage {
  name: string;
  version: string;
  architecture: string;
  files: Readonly<Record<string, string>>;
}

/** An archive on disk that apt can download from, with one suite, and set as apt's only source. */
export class TestArchive {
  readonly folder = folderForTest();
  readonly #sources = folderForTest();
  readonly #suite: string;

  constructor(suite: string) {
    this.#suite = suite;
    const list = join(this.#sources, 'sources.list');
    writeFileSync(list, `deb [trusted=yes] file:${this.folder} ${suite} main\n`);
    const config = join(this.#sources, 'apt.conf');
    writeFileSync(config, `Dir::Etc::sourcelist "${list}";\nDir::Etc::sourceparts "-";\n`);
    vi.stubEnv('APT_CONFIG', config);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  }

  /** Replaces the packages of the suite. */
  publish(packages: readonly ArchivePackage[]): void {
    const indexes = new Map<string, string>([['amd64', '']]);
    for (const { name, version, architecture, files } of packages) {
      const file = `pool/${name}_${version}_${architecture}.deb`;
      mkdirSync(join(this.folder, 'pool'), { recursive: true });
      makeDeb(join(this.folder, file), files);
      const bytes = readFileSync(join(this.folder, file));
      const paragraph = [
        `Package: ${name}`,
        `Version: ${version}`,
        `Architecture: ${architecture}`,
        'Multi-Arch: same',
        `Filename: ${file}`,
        `Size: ${bytes.length}`,
        `SHA256: ${sum(bytes)}`,
        '',
        '',
      ].join('\n');
      // Packages for all architectures are in the list of each.
      const index = architecture === 'all' ? 'amd64' : architecture;
      indexes.set(index, (indexes.get(index) ?? '') + paragraph);
    }
    const lists = [...indexes].map(([architecture, text]): [string, string] => [
      `main/binary-${architecture}/Packages`,
      text,
    ]);
    const release = [
      `Suite: ${this.#suite}`,
      `Codename: ${this.#suite}`,
      `Architectures: ${[...indexes.keys()].join(' ')}`,
      'Components: main',
      'Date: Thu, 01 Jan 2026 00:00:00 UTC',
      'SHA256:',
      ...lists.map(([name, text]) => ` ${sum(Buffer.from(text))} ${Buffer.from(text).length} ${name}`),
      '',
    ].join('\n');
    writeFiles(join(this.folder, 'dists', this.#suite), { ...Object.fromEntries(lists), Release: release });
  }

  /** Makes the archive unreachable. */
  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function sum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
