import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { whyNoKvm } from './kvm.mjs';

const isElsewhere = whyNoKvm() === undefined || process.arch !== 'x64';
if (isElsewhere) process.stdout.write('the demo without KVM is skipped: it is about x86 hosts without /dev/kvm\n');

test.skipIf(isElsewhere)('without KVM and QEMU the demo ends with 2, and says what to do', () => {
  const empty = mkdtempSync(join(tmpdir(), 'kvm-demo-'));
  onTestFinished(() => rmSync(empty, { recursive: true, force: true }));
  // Without a PATH the lab finds neither QEMU nor an apt that could install it.
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'demo.mjs')], {
    env: { ...process.env, PATH: empty },
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr.split('\n')[0]).toMatch(/\/dev\/kvm.*: the demo runs on the KVM of an emulated machine/);
  expect(stderr).toContain('a lab for x86 needs qemu-system-x86_64');
  expect(stderr).toMatch(
    /no machine could be emulated[\s\S]*apt install qemu-system-x86 xz-utils zstd \(Debian 12 or later\), and try again\n$/,
  );
});
