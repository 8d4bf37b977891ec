import { expect, test } from 'vitest';
import { onRiscv, riscvGuest } from '../../../test/riscv.js';
import { MpState } from '../../abi/riscv/index.js';
import { SavedState } from '../../state/saved-state.js';
import { doubleReg, IsaExtReg } from './extensions.js';

onRiscv('a saved vCPU of riscv', (backend) => {
  test('is restored with its registers, and without an extension that was turned off', (context) => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    const lost = IsaExtReg.Zicboz;
    const has = vcpu.getRegList().includes(lost) && vcpu.getOneReg(lost) === 1n;
    if (!has) return context.skip('the host lacks the extension Zicboz');
    vcpu.setOneReg(lost, 0n);
    vcpu.setCoreReg('t6', 0x1234_5678_9abc_def0n);
    vcpu.setCsr('sscratch', 0x4242n);
    vcpu.setOneReg(doubleReg(7), 0x3ff0_0000_0000_0000n);
    const state = SavedState.from(vcpu.save().toBytes());
    using vm = guest.kvm.createVm();
    using other = vm.createVcpu(0);
    other.restore(state);
    expect(other.getOneReg(lost)).toBe(0n);
    expect(other.getCoreReg('t6')).toBe(0x1234_5678_9abc_def0n);
    expect(other.getCsr('sscratch')).toBe(0x4242n);
    expect(other.getOneReg(doubleReg(7))).toBe(0x3ff0_0000_0000_0000n);
    expect(other.getRegList()).toEqual(vcpu.getRegList());
  });

  test('is restored stopped if it was stopped', () => {
    using guest = riscvGuest(backend, 'off');
    using second = guest.vm.createVcpu(1);
    using vm = guest.kvm.createVm();
    const { vcpus, memories } = vm.restore(guest.vm.save([guest.vcpu, second]));
    expect(vcpus.map((each) => each.getMpState())).toEqual([MpState.Runnable, MpState.Stopped]);
    for (const each of [...vcpus, ...memories]) each.close();
  });
});
