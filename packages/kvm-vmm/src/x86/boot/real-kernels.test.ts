import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeUnless } from '../../../../kvm-core/test/backends.js';
import { faultsOf, MiB } from '../../../test/boot-images.js';
import { fileSource } from '../../boot/byte-source.js';
import { planBoot } from './plan-boot.js';

function contents(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** The kernels of the lab, which are unpacked already, and those of this machine. */
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kvm-lab/kernels');
const kernels = [
  ...contents(cache)
    .filter((path) => path.includes('/x86-'))
    .map((path) => join(path, 'kernel')),
  ...(process.arch === 'x64' ? contents('/boot').filter((path) => path.includes('vmlinuz-')) : []),
];
const reason = kernels.length === 0 ? 'neither the lab nor this machine has a kernel for x86' : undefined;

describeUnless(reason, 'kernels of distributions', () => {
  test.each(kernels)('%s is planned', (path) => {
    using kernel = fileSource(path);
    using initrd = fileSource('/proc/self/exe');
    const environment = { memorySize: 512 * MiB, rsdp: 0xe_0000n };
    const plan = planBoot({ kernel, initrd, cmdline: 'console=ttyS0' }, environment);
    expect(faultsOf(plan)).toEqual([]);
    // Linux wants to be loaded at 16 MiB.
    const [first] = plan.segments;
    expect(first?.addr).toBe(0x100_0000n);
    expect(plan.protocol).toBe(path.includes('vmlinuz-') ? 'bzimage' : 'pvh');
    if (plan.protocol === 'pvh') {
      expect(faultsOf(planBoot({ kernel, initrd }, { ...environment, protocol: 'elf64' }))).toEqual([]);
    }
  });
});
