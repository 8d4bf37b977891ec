import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { Cap, KvmSregs2, Sregs2Flag } from '../../../abi/x86/index.js';
import { Cr0, Cr4, Efer } from '../registers.js';

onEachBackend('the sregs2 of a vCPU', (backend) => {
  test('keep the values that are set, and match the sregs', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    if (!guest.kvm.capabilities().has(Cap.Sregs2)) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.getSregs2()).message).toMatch(/KVM_CAP_SREGS2.*Linux/);
      return context.skip('the host lacks KVM_CAP_SREGS2');
    }
    const sregs = vcpu.getSregs2();
    sregs.cr2 = 0x1234_5000n;
    sregs.gdt.assign({ base: 0x2000n, limit: 0x27 });
    vcpu.setSregs2(sregs);
    expect(vcpu.getSregs2(new KvmSregs2()).equals(sregs)).toBe(true);
    expect(vcpu.getSregs()).toMatchObject({ cr2: 0x1234_5000n, cr0: sregs.cr0, efer: sregs.efer });
  });

  test('have page-directory pointers with PAE paging, and refuse them without', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    if (!guest.kvm.capabilities().has(Cap.Sregs2)) return context.skip('the host lacks KVM_CAP_SREGS2');
    const sregs = vcpu.getSregs2();
    expect(sregs.flags).toBe(0n);
    sregs.flags = Sregs2Flag.PdptrsValid;
    const error = kvmError('ERR_KVM_SYSCALL', () => vcpu.setSregs2(sregs));
    expect(error.hint).toMatch(/page-directory pointers/);
    sregs.assign({
      cr0: sregs.cr0 | Cr0.Pe | Cr0.Pg,
      cr4: Cr4.Pae,
      cr3: 0x4000n,
      pdptrs: [0x5001n, 0x6001n, 0n, 0x8001n],
    });
    vcpu.setSregs2(sregs);
    const back = vcpu.getSregs2();
    if (back.flags === 0n) return context.skip('this host does not report page-directory pointers');
    expect(back.flags).toBe(Sregs2Flag.PdptrsValid);
    expect([...back.pdptrs]).toEqual([0x5001n, 0x6001n, 0n, 0x8001n]);
  });

  test('are refused if they contradict each other', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    const sregs = vcpu.getSregs();
    // Long mode active without paging, which every kernel checks.
    sregs.efer = Efer.Lma;
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setSregs(sregs)).hint).toMatch(/contradict each other/);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSregs2(sregs as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getSregs2(sregs as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSregs2(undefined as never));
  });
});
