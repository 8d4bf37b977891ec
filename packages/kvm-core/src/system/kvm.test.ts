import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import type { Ioctl } from '../abi/ioctl.js';
import * as abi from '../abi/x86/index.js';
import { Cap, KVM_CREATE_VCPU, KVM_GET_API_VERSION, KVM_GET_REGS, KvmRegs } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import type { Backend } from '../backend/backend.js';
import { loadBackend, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { allCaps } from '../index.js';

onEachBackend('Kvm', (backend) => {
  test('opens the device close-on-exec, with version 12 of the API', () => {
    using kvm = Kvm.open({ backend });
    expect(kvm.backendName).toBe(backend);
    expect(kvm.getApiVersion()).toBe(12);
    expect(readFileSync(`/proc/self/fdinfo/${kvm.fd}`, 'utf8')).toMatch(/^flags:\s*02[0-7]*2$/m);
  });

  test('refuses a device that is not KVM', () => {
    const error = kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path: '/dev/null' }));
    expect(error.message).toBe('/dev/null is not KVM: it reports no API version (ENOTTY)');
    expect(error).toMatchObject({ errno: constants.errno.ENOTTY, ioctl: 'KVM_GET_API_VERSION' });
  });

  test('refuses a kernel with another API version', () => {
    const version = vi.spyOn(selectBackend(backend), 'ioctl').mockReturnValue(11);
    try {
      expect(kvmError('ERR_KVM_API_VERSION', () => Kvm.open({ backend })).message).toMatch(
        /version 11 of the API, not 12/,
      );
    } finally {
      version.mockRestore();
    }
  });

  test('refuses options of the wrong type', () => {
    const wrong = (value: unknown): never => value as never;
    for (const use of [
      () => Kvm.open(wrong(null)),
      () => Kvm.open({ backend, path: wrong(123) }),
      () => Kvm.open({ backend, path: '/dev/kvm\0x' }),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
    using kvm = Kvm.open({ backend });
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.allocateMemory(wrong(undefined)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.allocateMemory({ size: wrong('1M') }));
  });

  test('closes the descriptors of collected objects', () => {
    const built = new URL('../../dist/index.js', import.meta.url).href;
    const code = `import(${JSON.stringify(built)}).then(async ({ Kvm }) => {
      const { readdirSync } = await import('node:fs');
      const open = () => readdirSync('/proc/self/fd').length;
      const before = open();
      for (let i = 0; i < 50; i++) Kvm.open({ backend: '${backend}' }).createVm().createVcpu(0);
      const most = open();
      for (let i = 0; i < 20 && open() > before + 5; i++) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(most - before >= 100, open() - before <= 5);
    });`;
    const output = execFileSync(process.execPath, ['--expose-gc', '-e', code], { encoding: 'utf8' });
    expect(output.trim()).toBe('true true');
  });

  test('leaves no descriptor open if a vCPU cannot be mapped', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const before = openDescriptors();
    const loaded = loadBackend(backend) as Backend;
    const map = vi.spyOn(loaded, 'map').mockReturnValue(-constants.errno.ENOMEM);
    try {
      const error = kvmError('ERR_KVM_SYSCALL', () => vm.createVcpu(0));
      expect(error.message).toMatch(/^mapping the run state of a vCPU: ENOMEM .*out of memory/);
    } finally {
      map.mockRestore();
    }
    expect(openDescriptors()).toBe(before);
    const view = vi.spyOn(loaded, 'view').mockImplementation(() => {
      throw new KvmError('ERR_KVM_BACKEND', 'no view');
    });
    try {
      // Id 1, because the kernel still counts the first vCPU although its descriptor is closed.
      kvmError('ERR_KVM_BACKEND', () => vm.createVcpu(1));
    } finally {
      view.mockRestore();
    }
    expect(openDescriptors()).toBe(before);
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('kvm-vcpu:1');
    vm.close();
    expect(openDescriptors()).toBe(before - 1);
  });

  test('suggests a remedy if there is no device', () => {
    const error = kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path: '/dev/no-such-kvm' }));
    expect(error.message).toMatch(/^\/dev\/no-such-kvm: there is no such device.*modprobe/);
  });

  test('has a value for every capability, and 0 for an unknown one', () => {
    using kvm = Kvm.open({ backend });
    for (const cap of allCaps()) expect(kvm.checkExtension(cap)).toBeGreaterThanOrEqual(0);
    expect(kvm.checkExtension(Cap.UserMemory)).toBe(1);
    expect(kvm.checkExtension(Cap.NrVcpus)).toBeGreaterThan(0);
    expect(kvm.checkExtension(0x7fff_ffff)).toBe(0);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.checkExtension(-1));
  });

  test('returns the size of the mapping of a vCPU', () => {
    using kvm = Kvm.open({ backend });
    expect(kvm.getVcpuMmapSize()).toBeGreaterThanOrEqual(abi.KvmRun.size);
    expect(kvm.getVcpuMmapSize() % 4096).toBe(0);
  });

  test('lists the MSRs of guests', () => {
    using kvm = Kvm.open({ backend });
    const indices = kvm.getMsrIndexList();
    const IA32_TSC = 0x10;
    expect(indices).toContain(IA32_TSC);
    expect(new Set(indices).size).toBe(indices.length);
  });

  test('reads every feature MSR it lists', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.GetMsrFeatures) === 0) context.skip('the host lacks KVM_CAP_GET_MSR_FEATURES');
    const indices = kvm.getMsrFeatureIndexList();
    const entries = kvm.getMsrs(indices);
    expect(entries.map(({ index }) => index)).toEqual([...indices]);
    const noSuchMsr = 0xdead_0000;
    const read = kvm.readMsrs([noSuchMsr, ...indices, noSuchMsr]);
    expect(read.entries.map(({ index, data }) => ({ index, data }))).toEqual(
      [...entries].map(({ index, data }) => ({ index, data })),
    );
    expect(read.unreadable).toEqual([noSuchMsr, noSuchMsr]);
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => kvm.getMsrs([...indices, noSuchMsr]));
    expect(error.message).toContain('MSR 0xdead0000 cannot be read');
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.readMsrs('16' as never));
    expect(kvm.readMsrs([])).toEqual({ entries: [], unreadable: [] });
  });

  test('reports the CPUID leaves it supports', () => {
    using kvm = Kvm.open({ backend });
    const leaves = kvm.getSupportedCpuid();
    const vendor = leaves.find((entry) => entry.function === 0);
    expect(vendor?.eax).toBeGreaterThanOrEqual(1);
  });

  test('refuses a machine type that does not exist', () => {
    using kvm = Kvm.open({ backend });
    const error = kvmError('ERR_KVM_SYSCALL', () => kvm.createVm(0xff));
    expect(error).toMatchObject({ ioctl: 'KVM_CREATE_VM', errno: constants.errno.EINVAL });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.createVm(-1));
  });

  test('passes a raw ioctl with its argument, and refuses any other argument', () => {
    using kvm = Kvm.open({ backend });
    expect(kvm.ioctl(KVM_GET_API_VERSION)).toBe(12);
    expect(kvm.ioctl(abi.KVM_CHECK_EXTENSION, Cap.UserMemory)).toBe(1);
    // @ts-expect-error: a call of a vCPU
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(KVM_GET_REGS, new KvmRegs()));
    // @ts-expect-error: a call of a VM
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(KVM_CREATE_VCPU, 0));
    // @ts-expect-error: it takes no argument
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(KVM_GET_API_VERSION, 1));
    // @ts-expect-error: it takes an argument
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(abi.KVM_CHECK_EXTENSION));
    // @ts-expect-error: another struct
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(abi.KVM_GET_SUPPORTED_CPUID, new KvmRegs()));
    const forged: Ioctl<'system', { kind: 'value' }> = { ...KVM_GET_API_VERSION, argument: { kind: 'value' } };
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(forged, 1));
  });

  test('closes once, and then refuses every call', () => {
    const kvm = Kvm.open({ backend });
    const { fd } = kvm;
    kvm.close();
    kvm.close();
    expect(kvm.closed).toBe(true);
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
    for (const use of [
      () => kvm.fd,
      () => kvm.getApiVersion(),
      () => kvm.checkExtension(0),
      () => kvm.createVm(),
      () => kvm.getVcpuMmapSize(),
      () => kvm.getMsrIndexList(),
      () => kvm.getMsrFeatureIndexList(),
      () => kvm.getSupportedCpuid(),
      () => kvm.getMsrs([]),
      () => kvm.allocateMemory({ size: 4096 }),
      () => kvm.createEventFd(),
      () => kvm.ioctl(KVM_GET_API_VERSION),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });

  test('refuses a file that is not a device, without leaking its descriptor', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvm-'));
    const path = join(folder, 'file');
    closeSync(openSync(path, 'w'));
    const before = openDescriptors();
    kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path }));
    expect(openDescriptors()).toBe(before);
    rmSync(folder, { recursive: true });
  });
});

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

onEachBackend('an EventFd', (backend) => {
  test('returns the sum of all writes to one reader', () => {
    using kvm = Kvm.open({ backend });
    using event = kvm.createEventFd(1);
    event.write();
    event.write(40n);
    expect(event.read()).toBe(42n);
    expect(event.read()).toBe(0n);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => event.write(-1n));
    event.close();
    event.close();
    kvmError('ERR_KVM_CLOSED', () => event.read());
    kvmError('ERR_KVM_CLOSED', () => event.write());
  });
});
