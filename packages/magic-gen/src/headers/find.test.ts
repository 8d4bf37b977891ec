import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { folderForTest, writeFiles } from '../../test/folder.js';
import { realHeaders, x86 } from '../../test/host.js';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { buildModel } from '../model/build.js';
import type { Model } from '../model/model.js';
import { findTarget, targets } from '../targets/index.js';
import { findHeaders, includeFrom } from './find.js';

const version = '#define LINUX_VERSION_CODE 393659\n';

/**
 * A model without what differs in magic-gen's own asm/ptrace.h: its lines, and the type of the vector registers, which
 * kernels after 6.6 call __u128.
 */
function withoutPtrace(model: Model): Model {
  const placed = (_: string, value: unknown): unknown => {
    if (value === '__u128') return '__uint128_t';
    const isPtrace = typeof value === 'object' && value !== null && 'file' in value && value.file === 'asm/ptrace.h';
    return isPtrace ? 'asm/ptrace.h' : value;
  };
  return JSON.parse(JSON.stringify(model, placed));
}

describe('a header set', () => {
  it('is a directory with linux/ and asm/, and knows its kernel', () => {
    const path = folderForTest({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': version });
    expect(findHeaders({ directory: path, target: x86 })).toEqual({ directories: [path], kernel: '6.1' });
  });

  it('may have asm/ in a directory of the architecture, as Debian does', () => {
    const path = folderForTest({
      'linux/kvm.h': '',
      'x86_64-linux-gnu/asm/kvm.h': 'found',
      'linux/version.h': version,
    });
    const headers = findHeaders({ directory: path, target: x86 });
    expect(headers.directories).toEqual([join(path, 'x86_64-linux-gnu'), path]);
    expect(includeFrom(headers)('asm/kvm.h')?.text).toBe('found');
    expect(includeFrom(headers)('linux/none.h')).toBeUndefined();
  });

  it('may hold several architectures, as one package of Debian does', () => {
    const path = folderForTest({
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
    const path = folderForTest({
      [`${own}/linux/kvm.h`]: '',
      [`${own}/asm/kvm.h`]: '',
      [`${own}/linux/version.h`]: version,
    });
    const headers = findHeaders({ directory: path, target: findTarget('arm64') });
    expect(headers.directories).toEqual([join(path, own)]);
  });

  it.each(['x86', 'arm64'])('may have asm-%s/ beside linux/, as QEMU does, and lack basic headers', async (name) => {
    vi.stubEnv('XDG_CACHE_HOME', folderForTest());
    const own = `#pragma once\nstruct kvm_own { __u64 a; }; /* ${name} */\n`;
    const path = folderForTest({
      'linux/kvm.h': [
        '#include <linux/types.h>\n#include <linux/ioctl.h>\n#include <asm/kvm.h>',
        '#define KVM_OWN _IOR(0xAE, 1, struct kvm_own)\n',
      ].join('\n'),
      'asm-x86/kvm.h': name === 'x86' ? own : '',
      'asm-arm64/kvm.h': name === 'arm64' ? own : '',
    });
    const target = findTarget(name);
    const headers = findHeaders({ directory: path, kernelVersion: '6.12', target });
    // The second time, the link exists already.
    expect(findHeaders({ directory: path, kernelVersion: '6.12', target })).toEqual(headers);
    expect(includeFrom(headers)('asm/kvm.h')).toEqual({ path: join(path, `asm-${name}/kvm.h`), text: own });
    const model = buildModel(headers, target);
    expect(model).toMatchObject({ kernel: '6.12', ioctls: [{ name: 'KVM_OWN', request: 0x8008ae01 }] });
    vi.unstubAllEnvs();
  });

  const real = targets.filter((target) => realHeaders(target).length > 0);
  it.each(real)('gives the same model for $name without the basic headers', (target) => {
    vi.stubEnv('XDG_CACHE_HOME', folderForTest());
    const [headers] = realHeaders(target);
    if (headers === undefined) throw new Error('there were headers');
    const path = folderForTest();
    const include = includeFrom(headers);
    cpSync(dirname(include('asm/kvm.h')?.path ?? ''), join(path, `asm-${target.arch}`), { recursive: true });
    // QEMU has no asm/ptrace.h for arm64.
    const left = target.arch === 'arm64' ? ['types.h', 'ioctl.h', 'ptrace.h'] : ['types.h', 'ioctl.h'];
    for (const name of left) rmSync(join(path, `asm-${target.arch}`, name));
    const copies = ['linux/kvm.h', 'linux/psci.h', 'linux/bits.h'].map((name) => [name, include(name)?.text ?? '']);
    writeFiles(path, Object.fromEntries(copies));
    const copied = buildModel(findHeaders({ directory: path, kernelVersion: headers.kernel, target }), target);
    expect(withoutPtrace(copied)).toEqual(withoutPtrace(buildModel(headers, target)));
    vi.unstubAllEnvs();
  });

  it('may have asm-arm64/asm/, as Android does', () => {
    const path = folderForTest({ 'linux/kvm.h': '', 'asm-arm64/asm/kvm.h': 'found', 'linux/version.h': version });
    const headers = findHeaders({ directory: path, target: findTarget('arm64') });
    expect(headers.directories).toEqual([join(path, 'asm-arm64'), path]);
    expect(includeFrom(headers)('asm/kvm.h')?.text).toBe('found');
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow('asm/kvm.h not found');
  });

  it.each(['arm64/include', 'arm/aarch64/include'])(
    'may have %s/asm/ beside include/linux/, as kvmtool does',
    (own) => {
      const files = { 'include/linux/kvm.h': '', [`${own}/asm/kvm.h`]: 'found', 'x86/include/asm/kvm.h': 'other' };
      const path = folderForTest({ ...files, 'include/linux/version.h': version });
      const headers = findHeaders({ directory: path, target: findTarget('arm64') });
      expect(includeFrom(headers)('asm/kvm.h')?.text).toBe('found');
      expect(includeFrom(findHeaders({ directory: path, target: x86 }))('asm/kvm.h')?.text).toBe('other');
    },
  );

  it('may be one level down, where an installation put it', () => {
    const files = { 'include/linux/kvm.h': '', 'include/asm/kvm.h': '', 'include/linux/version.h': version };
    const path = folderForTest(files);
    expect(findHeaders({ directory: path, target: x86 }).directories).toEqual([join(path, 'include')]);
  });
});

describe('the kernel release', () => {
  const set = { 'linux/kvm.h': '', 'asm/kvm.h': '' };

  it.each([
    ['with a comment after the number', '#define LINUX_VERSION_CODE 393659 /* 6.1.59 */\n'],
    ['with another comment', '#define LINUX_VERSION_CODE 393659 // 6.1.59'],
    ['in parentheses and with spaces', '# define\tLINUX_VERSION_CODE  (0x601bb)\r\n'],
    [
      'of parts',
      '#define KERNEL_VERSION(a,b,c) (((a) << 16) + ((b) << 8) + (c))\n' +
        '#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 3)\n',
    ],
    ['after a byte order mark', '\uFEFF#define LINUX_VERSION_CODE 393659\r'],
    [
      'in a conditional',
      '#if 0\n#define LINUX_VERSION_CODE 1\n#endif\n' +
        '#ifndef LINUX_VERSION_CODE\n#define LINUX_VERSION_CODE 393659\n#endif',
    ],
  ])('is read %s', (_, text) => {
    const path = folderForTest({ ...set, 'linux/version.h': text });
    expect(findHeaders({ directory: path, target: x86 }).kernel).toBe('6.1');
  });

  it('is named by an option where the headers do not state it', () => {
    const path = folderForTest(set);
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      /there is no linux\/version\.h; name the release with --kernel-version$/,
    );
    const kernel = (kernelVersion: string) => findHeaders({ directory: path, kernelVersion, target: x86 }).kernel;
    expect(['6.12', '6.12.3', '7.0-rc1'].map(kernel)).toEqual(['6.12', '6.12', '7.0']);
    for (const wrong of ['', '6', 'v6.1', '6.x', '6.1x'])
      expect(() => kernel(wrong)).toThrow('is not a kernel release');
  });
});

describe('headers of another architecture', () => {
  const guard = '#ifndef __ARM_KVM_H__\n#define __ARM_KVM_H__\n#endif\n';
  const set = { 'linux/kvm.h': '', 'linux/version.h': version };

  it('are refused, with the line that shows it', () => {
    const path = folderForTest({ ...set, 'asm/kvm.h': `/* KVM */\n${guard}` });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      `${path}/asm/kvm.h:2:9: these are headers for arm64, not for x86\n    #ifndef __ARM_KVM_H__`,
    );
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(NoHeadersError);
    expect(findHeaders({ directory: path, target: findTarget('arm64') }).directories).toEqual([path]);
  });

  it('do not hide the requested ones elsewhere in the folder', () => {
    const path = folderForTest({ ...set, 'asm/kvm.h': guard, 'include/asm/kvm.h': '', 'include/linux/kvm.h': '' });
    writeFiles(path, { 'include/linux/version.h': version });
    expect(findHeaders({ directory: path, target: x86 }).directories).toEqual([join(path, 'include')]);
  });

  it.each(targets.filter(({ name, arch }) => name === arch))('are recognized for $name', (target) => {
    for (const headers of realHeaders(target)) {
      expect(includeFrom(headers)('asm/kvm.h')?.text).toContain(`#define ${target.kvmGuard}\n`);
    }
    expect(targets.filter(({ kvmGuard }) => kvmGuard === target.kvmGuard).map(({ arch }) => arch)).toEqual(
      targets.filter(({ arch }) => arch === target.arch).map(({ arch }) => arch),
    );
  });
});

describe('the error for what is not a header set says what is missing', () => {
  it('and where it was searched', () => {
    const path = folderForTest({ 'linux/kvm.h': '', 'linux/version.h': version });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(`asm/kvm.h not found in ${path}`);
  });

  it('and differs for a set without the target and a broken one', () => {
    const error = (path: string): unknown => {
      try {
        return findHeaders({ directory: path, target: x86 });
      } catch (thrown) {
        return thrown;
      }
    };
    expect(error(folderForTest({ 'linux/kvm.h': '' }))).toBeInstanceOf(NoHeadersError);
    const unversioned = folderForTest({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': '' });
    for (const path of ['/no/such', unversioned]) {
      expect(error(path)).toBeInstanceOf(MagicGenError);
      expect(error(path)).not.toBeInstanceOf(NoHeadersError);
    }
  });

  it('when it is no directory', () => {
    expect(() => findHeaders({ directory: '/no/such', target: x86 })).toThrow('/no/such is not a directory');
  });

  it('when it does not say its version', () => {
    const path = folderForTest({ 'linux/kvm.h': '', 'asm/kvm.h': '', 'linux/version.h': '' });
    expect(() => findHeaders({ directory: path, target: x86 })).toThrow(
      /version\.h does not define LINUX_VERSION_CODE/,
    );
  });
});
