import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { write } from '../../test/headerSet.js';
import { realHeaders, x86 } from '../../test/host.js';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { findTarget, targets } from '../targets/index.js';
import { findHeaders, includeFrom } from './find.js';

const version = '#define LINUX_VERSION_CODE 393659\n';

function directory(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'magic-gen-test-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  write(path, files);
  return path;
}

describe('a header set', () => {
  it('is a directory with linux/ and asm/ in it, and knows its kernel', () => {
    const path = directory({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': version });
    expect(findHeaders({ directory: path, target: x86 })).toEqual({ directories: [path], kernel: '6.1' });
  });

  it('may have asm/ in a directory of the architecture, as Debian does', () => {
    const path = directory({ 'linux/kvm.h': '', 'x86_64-linux-gnu/asm/kvm.h': 'found', 'linux/version.h': version });
    const headers = findHeaders({ directory: path, target: x86 });
    expect(headers.directories).toEqual([join(path, 'x86_64-linux-gnu'), path]);
    expect(includeFrom(headers)('asm/kvm.h')?.text).toBe('found');
    expect(includeFrom(headers)('linux/none.h')).toBeUndefined();
  });

  it('may hold several architectures, as one package of Debian does', () => {
    const path = directory({
      'usr/include/linux/kvm.h': '',
      'usr/include/linux/version.h': version,
      'usr/lib/linux/uapi/arm64/asm/kvm.h': 'arm64',
      'usr/lib/linux/uapi/s390/asm/kvm.h': 's390',
    });
    for (const name of ['arm64', 's390']) {
      const headers = findHeaders({ directory: path, target: findTarget(name) });
      expect(headers.directories).toEqual([join(path, 'usr/lib/linux/uapi', name), join(path, 'usr/include')]);
      expect(includeFrom(headers)('asm/kvm.h')?.text).toBe(name);
    }
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      'no kernel headers for x86: asm/kvm.h not found',
    );
  });

  it('may be a cross compiler’s', () => {
    const own = 'usr/aarch64-linux-gnu/include';
    const path = directory({
      [`${own}/linux/kvm.h`]: '',
      [`${own}/asm/kvm.h`]: '',
      [`${own}/linux/version.h`]: version,
    });
    const headers = findHeaders({ directory: path, target: findTarget('arm64') });
    expect(headers.directories).toEqual([join(path, own)]);
  });

  it('may be one level down, where an install step put it', () => {
    const files = { 'include/linux/kvm.h': '', 'include/asm/kvm.h': '', 'include/linux/version.h': version };
    const path = directory(files);
    expect(findHeaders({ directory: path, target: x86 }).directories).toEqual([join(path, 'include')]);
  });
});

describe('headers of another architecture', () => {
  const guard = '#ifndef __ARM_KVM_H__\n#define __ARM_KVM_H__\n#endif\n';
  const set = { 'linux/kvm.h': '', 'linux/version.h': version };

  it('are refused, with the line that shows it', () => {
    const path = directory({ ...set, 'asm/kvm.h': `/* KVM */\n${guard}` });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      `${path}/asm/kvm.h:2:9: these are headers for arm64, not for x86\n    #ifndef __ARM_KVM_H__`,
    );
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(NoHeadersError);
    expect(findHeaders({ directory: path, target: findTarget('arm64') }).directories).toEqual([path]);
  });

  it('do not hide those asked for, which may be elsewhere in the folder', () => {
    const path = directory({ ...set, 'asm/kvm.h': guard, 'include/asm/kvm.h': '', 'include/linux/kvm.h': '' });
    write(path, { 'include/linux/version.h': version });
    expect(findHeaders({ directory: path, target: x86 }).directories).toEqual([join(path, 'include')]);
  });

  it.each(targets.filter(({ name, arch }) => name === arch))('are known by what $name calls its own', (target) => {
    for (const headers of realHeaders(target)) {
      expect(includeFrom(headers)('asm/kvm.h')?.text).toContain(`#define ${target.kvmGuard}\n`);
    }
    expect(targets.filter(({ kvmGuard }) => kvmGuard === target.kvmGuard).map(({ arch }) => arch)).toEqual(
      targets.filter(({ arch }) => arch === target.arch).map(({ arch }) => arch),
    );
  });
});

describe('what is no header set is told by what it lacks', () => {
  it('and where that was looked for', () => {
    const path = directory({ 'linux/kvm.h': '', 'linux/version.h': version });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(`asm/kvm.h not found in ${path}`);
  });

  it('so that what has nothing for a target is told from what is wrong', () => {
    const error = (path: string): unknown => {
      try {
        return findHeaders({ directory: path, target: x86 });
      } catch (thrown) {
        return thrown;
      }
    };
    expect(error(directory({ 'linux/kvm.h': '' }))).toBeInstanceOf(NoHeadersError);
    const unversioned = directory({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': '' });
    for (const path of ['/no/such', unversioned]) {
      expect(error(path)).toBeInstanceOf(MagicGenError);
      expect(error(path)).not.toBeInstanceOf(NoHeadersError);
    }
  });

  it('when it is no directory', () => {
    expect(() => findHeaders({ directory: '/no/such', target: x86 })).toThrow('/no/such is not a directory');
  });

  it('when it does not say its version', () => {
    const path = directory({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': '' });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      /version\.h does not define LINUX_VERSION_CODE/,
    );
  });
});
