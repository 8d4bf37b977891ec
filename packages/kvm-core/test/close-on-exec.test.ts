import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Cap, DeviceType } from '../src/abi/x86/index.js';
import { Kvm } from '../src/arch/x86/kvm.js';
import { onEachBackend } from './backends.js';

const O_CLOEXEC = 0o2000000;

/** What a descriptor of this process shows. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor that read the list.
    return '';
  }
}

/** The descriptors of KVM that there are, and whether a child process inherits each. */
function inherited(): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const fd of readdirSync('/proc/self/fd')) {
    const target = targetOf(fd);
    if (!/kvm|guest_memfd/.test(target)) continue;
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    found.set(`${fd} ${target}`, (Number.parseInt(flags, 8) & O_CLOEXEC) === 0);
  }
  return found;
}

onEachBackend('the descriptors of this package', (backend) => {
  test('are not inherited by a child process, whichever call gave them', () => {
    const before = new Set(inherited().keys());
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    using _device = vm.createDevice(DeviceType.Vfio);
    // The device, the VM, the vCPU, /dev/kvm.
    let count = 4;
    if (kvm.checkExtension(Cap.BinaryStatsFd) > 0) {
      vm.stats();
      vcpu.stats();
      count += 2;
    }
    using file = vm.checkExtension(Cap.GuestMemfd) > 0 ? vm.createGuestMemfd(0x1000) : undefined;
    if (file !== undefined) count++;
    const mine = [...inherited()].filter(([name]) => !before.has(name));
    expect(mine.length).toBe(count);
    expect(mine.filter(([, isInherited]) => isInherited)).toEqual([]);
    const child = `const fs = require('node:fs');
      const seen = fs.readdirSync('/proc/self/fd').map((fd) => {
        try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
      });
      console.log(seen.filter((each) => /kvm|guest_memfd/.test(each)).join());`;
    expect(execFileSync(process.execPath, ['-e', child], { encoding: 'utf8' }).trim()).toBe('');
  });
});
