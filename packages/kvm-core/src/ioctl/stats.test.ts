import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { Cap, ExitReason } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Vcpu } from '../arch/x86/vcpu/vcpu.js';

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd');
}

onEachBackend('statistics', (backend) => {
  let lacking: string | undefined;
  beforeAll(() => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.BinaryStatsFd) === 0) lacking = 'the host lacks KVM_CAP_BINARY_STATS_FD';
  });

  test('of a vCPU count its exits', (context) => {
    if (lacking !== undefined) context.skip(lacking);
    // out 0x10, al; jmp -4
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xeb, 0xfc]);
    const stats = guest.vcpu.stats();
    const before = stats.value('exits');
    for (let i = 0; i < 20; i++) expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Io);
    expect(stats.value('exits') - before).toBeGreaterThanOrEqual(20n);
    const all = stats.read();
    expect(all.size).toBe(stats.statistics.length);
    expect(all.get('exits')).toBe(stats.value('exits'));
    expect([...all.keys()]).toEqual(stats.statistics.map(({ name }) => name));
  });

  test('are closed when the vCPU is transferred', (context) => {
    if (lacking !== undefined) context.skip(lacking);
    using guest = realModeGuest(backend, [0xf4]);
    const before = openDescriptors().length;
    const stats = guest.vcpu.stats();
    const handle = guest.vcpu.transfer();
    kvmError('ERR_KVM_CLOSED', () => stats.read());
    // The handle holds a descriptor of the VM; the statistics hold none.
    expect(openDescriptors().length).toBe(before + 1);
    using vcpu = Vcpu.from(handle);
    expect(vcpu.stats().value('exits')).toBeGreaterThanOrEqual(0n);
  });

  test('have a name, a unit and a type', (context) => {
    if (lacking !== undefined) context.skip(lacking);
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(3);
    const { statistics, id } = vcpu.stats();
    expect(id).toBe(`kvm-${process.pid}/vcpu-3`);
    expect(vm.stats().id).toBe(`kvm-${process.pid}`);
    const find = (name: string): object | undefined => statistics.find((statistic) => statistic.name === name);
    expect(find('exits')).toMatchObject({ type: 'cumulative', unit: 'none', base: 10, exponent: 0, size: 1 });
    expect(find('halt_wait_ns')).toMatchObject({
      type: 'cumulative',
      unit: 'seconds',
      base: 10,
      exponent: -9,
      size: 1,
    });
    const histogram = { type: 'log-hist', unit: 'seconds', base: 10, exponent: -9, bucketSize: 0 };
    expect(find('halt_wait_hist')).toMatchObject(histogram);
    expect(find('blocking')).toMatchObject({ type: 'instant' });
    const buckets = vcpu.stats().buckets('halt_wait_hist');
    expect(buckets.length).toBeGreaterThan(1);
    expect(vcpu.stats().read().get('halt_wait_hist')).toEqual(buckets);
    expect(statistics.filter(({ type, unit }) => type === 'unknown' || unit === 'unknown')).toEqual([]);
    expect(vm.stats().statistics.map(({ name }) => name)).toContain('remote_tlb_flush');
  });

  test('are one object, with a close-on-exec descriptor, and are closed with their owner', (context) => {
    if (lacking !== undefined) context.skip(lacking);
    const before = openDescriptors();
    const kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const vcpu = vm.createVcpu(0);
    const ofVcpu = vcpu.stats();
    const ofVm = vm.stats();
    expect(vcpu.stats()).toBe(ofVcpu);
    const files = openDescriptors().filter((fd) => {
      // The descriptor that read the folder is closed by now.
      if (before.includes(fd)) return false;
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).includes('stats');
      } catch {
        return false;
      }
    });
    expect(files).toHaveLength(2);
    for (const fd of files) expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*02/m);
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => ofVm.read());
    expect(ofVcpu.value('exits')).toBeGreaterThanOrEqual(0n);
    vcpu.close();
    for (const use of [
      () => ofVcpu.read(),
      () => ofVcpu.value('exits'),
      () => ofVcpu.buckets('halt_wait_hist'),
      () => vcpu.stats(),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
    kvm.close();
    expect(openDescriptors()).toHaveLength(before.length);
  });

  test('with an unknown name, or of the wrong kind, are refused', (context) => {
    if (lacking !== undefined) context.skip(lacking);
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const stats = vcpu.stats();
    for (const use of [
      () => stats.value('no_such_statistic'),
      () => stats.value(undefined as never),
      () => stats.value('halt_wait_hist'),
      () => stats.buckets('exits'),
      () => stats.buckets(Symbol.iterator as never),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
  });

  test('are refused with the name of the capability if the host lacks it', (context) => {
    if (lacking === undefined) context.skip('the host has KVM_CAP_BINARY_STATS_FD');
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.stats()).message).toMatch(/KVM_CAP_BINARY_STATS_FD/);
  });
});
