import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { type Answer, allAnswered } from '../../../../test/answered.js';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import * as abi from '../../../abi/x86/index.js';
import { XenAttrType, XenVcpuAttrType } from '../../../abi/x86/index.js';
import type { BackendName } from '../../../backend/backend.js';
import { SavedState } from '../../../state/saved-state.js';

const { ENOENT } = constants.errno;
const nowhere = 0xffff_ffff_ffff_ffffn;

interface AttributeType {
  readonly size: number;
  at(bytes: Uint8Array): abi.KvmXenHvmAttr | abi.KvmXenVcpuAttr;
}

/**
 * Plays a host with Xen that reports these words for each attribute. `told` has the attributes that are set, in order.
 */
function xenHost(
  backend: BackendName,
  vm: ReadonlyMap<number, bigint[]>,
  vcpu: ReadonlyMap<number, bigint[]>,
): Disposable & { told: string[] } {
  const told: string[] = [];
  const getting =
    (type: AttributeType, known: ReadonlyMap<number, bigint[]>): Answer =>
    ({ bytes, argument }) => {
      const attribute = type.at(bytes(argument, type.size));
      const words = known.get(attribute.type);
      if (words === undefined) return -ENOENT;
      attribute.u.pad.set(words);
      return 0;
    };
  const setting =
    (type: AttributeType, name: string): Answer =>
    ({ bytes, argument }) => {
      const attribute = type.at(bytes(argument, type.size));
      told.push(`${name} ${attribute.type} ${attribute.u.pad[0]}`);
      return 0;
    };
  const clock: Answer = () => {
    told.push('clock');
    return 0;
  };
  const answers = allAnswered(backend, [
    [abi.KVM_XEN_HVM_CONFIG, () => 0],
    [abi.KVM_XEN_HVM_GET_ATTR, getting(abi.KvmXenHvmAttr, vm)],
    [abi.KVM_XEN_VCPU_GET_ATTR, getting(abi.KvmXenVcpuAttr, vcpu)],
    [abi.KVM_XEN_HVM_SET_ATTR, setting(abi.KvmXenHvmAttr, 'vm')],
    [abi.KVM_XEN_VCPU_SET_ATTR, setting(abi.KvmXenVcpuAttr, 'vcpu')],
    [abi.KVM_SET_CLOCK, clock],
  ]);
  return Object.assign(answers, { told });
}

const { LongMode, SharedInfo, UpcallVector } = XenAttrType;
const { VcpuInfo, VcpuTimeInfo, RunstateData, VcpuId, Timer } = XenVcpuAttrType;

onEachBackend('the Xen state of a guest', (backend) => {
  test('is saved without attributes that were never set, and restored in the order that the kernel needs', () => {
    const vmAttributes = new Map([
      [SharedInfo, [5n]],
      [LongMode, [1n]],
      [UpcallVector, [0n]],
    ]);
    const vcpuAttributes = new Map([
      [VcpuId, [0n]],
      [VcpuInfo, [nowhere]],
      [VcpuTimeInfo, [0x6000n]],
      [RunstateData, [0n, 3n, 3n]],
      [Timer, [9n, 100n]],
    ]);
    using host = xenHost(backend, vmAttributes, vcpuAttributes);
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm, vcpu } = guest;
    vm.setXenHvmConfig({ msr: 0x4000_0000 });
    const state = SavedState.from(vm.save([vcpu]).toBytes());
    expect(state.part('xen')).toHaveLength(2 * abi.KvmXenHvmAttr.size);
    expect(host.told).toEqual([]);
    using other = kvm.createVm();
    other.setXenHvmConfig({ msr: 0x4000_0000 });
    const { vcpus, memories } = other.restore(state);
    expect(host.told).toEqual([
      'clock',
      `vm ${LongMode} 1`,
      `vm ${SharedInfo} 5`,
      `vcpu ${VcpuId} 0`,
      `vcpu ${VcpuTimeInfo} ${0x6000}`,
      `vcpu ${RunstateData} 0`,
      `vcpu ${Timer} 9`,
    ]);
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('is restored only into a VM that is configured for Xen', () => {
    using host = xenHost(backend, new Map([[LongMode, [1n]]]), new Map([[VcpuId, [1n]]]));
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm, vcpu } = guest;
    vm.setXenHvmConfig({ msr: 0x4000_0000 });
    const state = vm.save([vcpu]);
    using other = kvm.createVm();
    expect(kvmError('ERR_KVM_STATE', () => other.restore(state)).message).toContain('call setXenHvmConfig before');
    expect(host.told).toEqual([]);
  });

  test('is refused if it has an attribute with an address', () => {
    using _ = xenHost(backend, new Map(), new Map());
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm, vcpu } = guest;
    vm.setXenHvmConfig({ msr: 0x4000_0000 });
    const state = vm.save([vcpu]);
    const attribute = abi.KvmXenHvmAttr.from({ type: XenAttrType.Evtchn });
    const forged = SavedState.of(
      'vm',
      'x86',
      state.header.parts.map(({ name }) => ({
        name,
        bytes: name === 'xen' ? attribute.bytes : state.part(name),
        notes: state.notes(name),
      })),
    );
    using other = kvm.createVm();
    other.setXenHvmConfig({ msr: 0x4000_0000 });
    expect(kvmError('ERR_KVM_STATE', () => other.restore(forged)).message).toContain('has the attribute 3');
  });

  test('is not saved if the VM is not configured for Xen', () => {
    using _ = xenHost(backend, new Map([[LongMode, [1n]]]), new Map([[VcpuId, [1n]]]));
    using guest = realModeGuest(backend, [0xf4]);
    const state = guest.vm.save([guest.vcpu]);
    expect(state.has('xen') || state.has('vcpu/0/xen')).toBe(false);
  });

  test('is the same in a VM that was restored', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm, vcpu } = guest;
    const flags = kvm.capabilities().value(abi.Cap.XenHvm);
    if ((flags & abi.XenHvmConfigFlag.SharedInfo) === 0) return context.skip('the host has no Xen attributes');
    const config = { msr: 0x4000_0000, pages64: new Uint8Array(4096) };
    vm.setXenHvmConfig(config);
    vm.setXenHvmAttr({ type: LongMode, u: { longMode: 1 } });
    vm.setXenHvmAttr({ type: UpcallVector, u: { vector: 0x33 } });
    vm.setXenHvmAttr({ type: SharedInfo, u: { sharedInfo: { gfn: 5n } } });
    vcpu.setXenVcpuAttr({ type: VcpuTimeInfo, u: { gpa: 0x6000n } });
    vcpu.setXenVcpuAttr({ type: VcpuInfo, u: { gpa: 0x7000n } });
    using other = kvm.createVm();
    other.setXenHvmConfig(config);
    const { vcpus, memories } = other.restore(vm.save([vcpu]));
    expect(other.getXenHvmAttr(LongMode).u.longMode).toBe(1);
    expect(other.getXenHvmAttr(UpcallVector).u.vector).toBe(0x33);
    expect(other.getXenHvmAttr(SharedInfo).u.sharedInfo.gfn).toBe(5n);
    expect(vcpus[0]?.getXenVcpuAttr(VcpuTimeInfo).u.gpa).toBe(0x6000n);
    expect(vcpus[0]?.getXenVcpuAttr(VcpuInfo).u.gpa).toBe(0x7000n);
    for (const each of [...vcpus, ...memories]) each.close();
  });
});
