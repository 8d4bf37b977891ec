import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { answered } from '../../../../test/answered.js';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import * as abi from '../../../abi/x86/index.js';
import {
  Cap,
  KvmXenHvmAttr,
  KvmXenHvmConfig,
  KvmXenVcpuAttr,
  XenAttrType,
  XenVcpuAttrType,
} from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;

onEachBackend('a Xen guest', (backend) => {
  test('keeps the attributes that are set', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, kvm, memory } = guest;
    if (!kvm.capabilities().has(Cap.XenHvm)) return context.skip('the host lacks KVM_CAP_XEN_HVM');
    vm.setXenHvmConfig({ msr: 0x4000_0000, pages64: new Uint8Array(4096) });
    const flags = kvm.capabilities().value(Cap.XenHvm);
    if ((flags & abi.XenHvmConfigFlag.SharedInfo) === 0) return context.skip('the host has no Xen attributes');
    vm.setXenHvmAttr({ type: XenAttrType.LongMode, u: { longMode: 1 } });
    expect(vm.getXenHvmAttr(XenAttrType.LongMode).u.longMode).toBe(1);
    vcpu.setXenVcpuAttr({ type: XenVcpuAttrType.VcpuId, u: { vcpuId: 3 } });
    expect(vcpu.getXenVcpuAttr(XenVcpuAttrType.VcpuId).u.vcpuId).toBe(3);
    if ((flags & abi.XenHvmConfigFlag.SharedInfoHva) === 0) return;
    vm.setXenSharedInfo(memory, 0x5000);
    vm.setXenSharedInfo();
    vcpu.setXenVcpuInfo(memory, 0x6000);
    vcpu.setXenVcpuInfo();
  });

  test('is a missing capability on a host without Xen support', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, kvm, memory } = guest;
    if (kvm.capabilities().has(Cap.XenHvm)) return context.skip('the host has KVM_CAP_XEN_HVM');
    for (const use of [
      () => vm.setXenHvmConfig({}),
      () => vm.getXenHvmAttr(XenAttrType.LongMode),
      () => vm.setXenHvmAttr({ type: XenAttrType.LongMode }),
      () => vm.setXenSharedInfo(memory),
      () => vm.setXenSharedInfo(),
      () => vm.sendXenEvtchn({ port: 1 }),
      () => vcpu.getXenVcpuAttr(XenVcpuAttrType.VcpuId),
      () => vcpu.setXenVcpuAttr({ type: XenVcpuAttrType.VcpuId }),
      () => vcpu.setXenVcpuInfo(memory),
      () => vcpu.setXenVcpuInfo(),
    ]) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', use).message).toMatch(
        /lacks KVM_CAP_XEN_HVM, Cap.XenHvm \(it came with Linux/,
      );
    }
  });

  test('passes copies of its pages, which are kept, to the kernel', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const pages = new Uint8Array(8192).fill(0xc3);
    let config = new KvmXenHvmConfig();
    let seen: (() => Uint8Array) | undefined;
    {
      using _ = answered(backend, abi.KVM_XEN_HVM_CONFIG, ({ bytes, argument }) => {
        config = KvmXenHvmConfig.at(bytes(argument, KvmXenHvmConfig.size).slice());
        seen = () => bytes(config.blobAddr64, 8192);
        return 0;
      });
      guest.vm.setXenHvmConfig({ msr: 0x4000_0001, pages64: pages });
    }
    pages.fill(0);
    globalThis.gc?.();
    expect(config).toMatchObject({ msr: 0x4000_0001, blobAddr32: 0n, blobSize32: 0, blobSize64: 2 });
    expect(seen?.().every((byte) => byte === 0xc3)).toBe(true);
  });

  test('shares memory only by methods that keep it alive', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, memory } = guest;
    memory.write(0x5000, Uint8Array.of(0x55));
    const seen: number[] = [];
    {
      using _ = answered(backend, abi.KVM_XEN_HVM_SET_ATTR, ({ bytes, argument }) => {
        const { type, u } = KvmXenHvmAttr.at(bytes(argument, KvmXenHvmAttr.size));
        seen.push(type, u.sharedInfo.hva === 0n ? 0 : (bytes(u.sharedInfo.hva, 1)[0] ?? -1));
        return 0;
      });
      vm.setXenSharedInfo(memory, 0x5000);
      vm.setXenSharedInfo();
    }
    {
      using _ = answered(backend, abi.KVM_XEN_VCPU_SET_ATTR, ({ bytes, argument }) => {
        const { type, u } = KvmXenVcpuAttr.at(bytes(argument, KvmXenVcpuAttr.size));
        seen.push(type, bytes(u.hva, 1)[0] ?? -1);
        return 0;
      });
      vcpu.setXenVcpuInfo(memory, 0x5000);
    }
    expect(seen).toEqual([
      XenAttrType.SharedInfoHva,
      0x55,
      XenAttrType.SharedInfoHva,
      0,
      XenVcpuAttrType.VcpuInfoHva,
      0x55,
    ]);
    const shared = { type: XenAttrType.SharedInfoHva, u: { sharedInfo: { hva: 0x1000n } } };
    expect(kvmError('ERR_KVM_UNSAFE', () => vm.setXenHvmAttr(shared)).hint).toBe('use setXenSharedInfo()');
    kvmError('ERR_KVM_UNSAFE', () => vm.setXenHvmAttr(KvmXenHvmAttr.from(shared)));
    const info = { type: XenVcpuAttrType.VcpuInfoHva, u: { hva: 0x1000n } };
    expect(kvmError('ERR_KVM_UNSAFE', () => vcpu.setXenVcpuAttr(info)).hint).toBe('use setXenVcpuInfo()');
  });

  test('refuses invalid arguments', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, memory } = guest;
    for (const value of [undefined, null, 5, []]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setXenHvmConfig(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setXenHvmAttr(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setXenVcpuAttr(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.sendXenEvtchn(wrong(value)));
    }
    for (const pages of [new Uint8Array(0), new Uint8Array(4095), [0], new Uint16Array(4096)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setXenHvmConfig({ pages32: wrong(pages) }));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setXenHvmConfig({ pages64: new Uint8Array(256 * 4096) }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.getXenHvmAttr(0x1_0000));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setXenSharedInfo(wrong(5)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setXenVcpuInfo(wrong({})));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setXenSharedInfo(memory, memory.size));
  });
});

onEachBackend('a Hyper-V guest', (backend) => {
  test('signals an eventfd if the host supports it', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, kvm } = guest;
    using eventfd = kvm.createEventFd();
    if (!kvm.capabilities().has(Cap.HyperVEventfd)) {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.setHyperVEventfd(1, eventfd));
      expect(error.message).toMatch(/lacks KVM_CAP_HYPERV_EVENTFD, Cap.HyperVEventfd \(it came with Linux/);
      return context.skip('the host lacks KVM_CAP_HYPERV_EVENTFD');
    }
    vm.setHyperVEventfd(1, eventfd);
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.setHyperVEventfd(1, eventfd)).errno).toBe(constants.errno.EEXIST);
    vm.setHyperVEventfd(1);
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.setHyperVEventfd(1)).hint).toMatch(/no eventfd/);
  });

  test('can use the enlightened VMCS if the host supports it', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu, kvm } = guest;
    if (!kvm.capabilities().has(Cap.HyperVEnlightenedVmcs)) {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.enableHyperVEnlightenedVmcs());
      expect(error.message).toMatch(
        /KVM_ENABLE_CAP: .* lacks KVM_CAP_HYPERV_ENLIGHTENED_VMCS, Cap.HyperVEnlightenedVmcs \(it came with Linux/,
      );
      return context.skip('the host lacks KVM_CAP_HYPERV_ENLIGHTENED_VMCS');
    }
    expect(vcpu.enableHyperVEnlightenedVmcs()).toEqual({ lowest: 1, highest: 1 });
  });

  test('gets the versions of the enlightened VMCS from the kernel', () => {
    using guest = realModeGuest(backend, [0xf4]);
    using _ = answered(backend, abi.KVM_ENABLE_CAP, ({ bytes, argument }) => {
      const { cap, args } = abi.KvmEnableCap.at(bytes(argument, abi.KvmEnableCap.size));
      expect(cap).toBe(Cap.HyperVEnlightenedVmcs);
      bytes(args[0] ?? 0n, 2).set([1, 2]);
      return 0;
    });
    expect(guest.vcpu.enableHyperVEnlightenedVmcs()).toEqual({ lowest: 1, highest: 2 });
  });

  test('refuses invalid connections and eventfds', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm } = guest;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setHyperVEventfd(0x100_0000));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setHyperVEventfd(wrong('1')));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setHyperVEventfd(1, wrong(3)));
  });
});
