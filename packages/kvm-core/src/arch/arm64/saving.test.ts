import { expect, test } from 'vitest';
import { arm64Guest, onArm64 } from '../../../test/arm64.js';
import { kvmError } from '../../../test/errors.js';
import { MpState, VcpuFeature } from '../../abi/arm64/index.js';
import { SavedState } from '../../state/saved-state.js';
import { Kvm } from './kvm.js';
import { Vcpu } from './vcpu.js';

onArm64('a saved vCPU of arm64', (backend) => {
  test('is restored with its registers into a vCPU that was not initialised', () => {
    using guest = arm64Guest(backend, 'off');
    const { vcpu } = guest;
    const vector = new Uint8Array(16).map((_, i) => i + 1);
    vcpu.setCoreReg('x29', 0x1234_5678_9abc_def0n);
    vcpu.setCoreReg('v31', vector);
    vcpu.setSysReg('TPIDR_EL1', 0x4242n);
    vcpu.setVcpuEvents({ exception: { serrorPending: 1 } });
    const state = SavedState.from(vcpu.save().toBytes());
    using vm = guest.kvm.createVm();
    using other = vm.createVcpu(0);
    other.restore(state);
    expect(other.getCoreReg('x29')).toBe(0x1234_5678_9abc_def0n);
    expect(other.getCoreReg('v31')).toEqual(vector);
    expect(other.getSysReg('TPIDR_EL1')).toBe(0x4242n);
    expect(other.getVcpuEvents().exception.serrorPending).toBe(1);
    expect(other.getRegList()).toEqual(vcpu.getRegList());
  });

  test('is restored stopped if it was stopped', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2, VcpuFeature.PowerOff] });
    using other = kvm.createVm();
    const { vcpus } = other.restore(vm.save([vcpu]));
    expect(vcpus.map((each) => each.getMpState())).toEqual([MpState.Stopped]);
    for (const each of vcpus) each.close();
  });

  test('keeps the argument of init when it moves to another thread', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    kvmError('ERR_KVM_SYSCALL', () => vcpu.save());
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2] });
    const { init } = { init: vcpu.save().part('init') };
    using moved = Vcpu.from(vcpu.transfer());
    expect(moved.save().part('init')).toEqual(init);
  });

  test('is refused if it has a register that this host lacks, which the error names', () => {
    using guest = arm64Guest(backend, 'off');
    const state = guest.vcpu.save();
    // The id of a register of 8 bytes that no processor has, and its value.
    const more = new Uint8Array(BigUint64Array.of(0x6030_0000_0013_ffffn, 7n).buffer);
    const altered = SavedState.of(
      'vcpu',
      'arm64',
      state.header.parts.map(({ name }) => ({
        name,
        bytes: name === 'registers' ? Buffer.concat([state.part(name), more]) : state.part(name),
      })),
    );
    using vm = guest.kvm.createVm();
    using other = vm.createVcpu(0);
    const { message } = kvmError('ERR_KVM_STATE', () => other.restore(altered));
    expect(message).toContain('the register 0x603000000013ffff cannot be set to 0x0000000000000007');
  });
});
