import { expect, test } from 'vitest';
import { answered } from '../../../../test/answered.js';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, KVM_GET_CPUID2, KvmCpuid2, KvmCpuidEntry2 } from '../../../abi/x86/index.js';
import { CpuidFeature } from '../cpuid/features.js';
import { CpuidTable } from '../cpuid/table.js';
import { Kvm } from '../kvm.js';

const wrong = (value: unknown): never => value as never;

/** cpuid with the given EAX and ECX; hlt. */
const cpuidGuest = [0x0f, 0xa2, 0xf4];

onEachBackend('the CPUID of a guest', (backend) => {
  test.each([true, false])('is that of an edited table, with a feature enabled: %s', (invariant) => {
    using guest = realModeGuest(backend, cpuidGuest);
    const { kvm, vcpu } = guest;
    const cpuid = new CpuidTable(kvm.getSupportedCpuid());
    cpuid.vendor = 'KVMTypeScrpt';
    cpuid.put({ function: 0x8000_0007, edx: 0xff });
    if (invariant) cpuid.enable(CpuidFeature.InvariantTsc);
    else cpuid.disable(CpuidFeature.InvariantTsc);
    cpuid.put({ function: 0x4000_0000, eax: 0x4000_0000, ebx: 0x1234_5678 });
    vcpu.setCpuid2(cpuid);
    const ask = (leaf: number) => {
      vcpu.setRegs({ rip: 0x1000n, rflags: 2n, rax: BigInt(leaf) });
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
      return vcpu.getRegs();
    };
    const zero = ask(0);
    const own = new CpuidTable([{ function: 0, ebx: Number(zero.rbx), ecx: Number(zero.rcx), edx: Number(zero.rdx) }]);
    expect(own.vendor).toBe('KVMTypeScrpt');
    expect(ask(0x8000_0007).rdx).toBe(invariant ? 0x1ffn : 0xffn);
    expect(ask(0x4000_0000).rbx).toBe(0x1234_5678n);
  });

  test('has no empty leaves at the end, even if the kernel counts them', () => {
    using guest = realModeGuest(backend, cpuidGuest);
    using _ = answered(backend, KVM_GET_CPUID2, ({ bytes, argument }) => {
      const room = KvmCpuid2.at(bytes(argument, KvmCpuid2.size)).nent;
      const cpuid = KvmCpuid2.at(bytes(argument, KvmCpuid2.size + room * KvmCpuidEntry2.size));
      cpuid.entries[0]?.assign({ function: 0, eax: 1 });
      cpuid.entries[2]?.assign({ function: 1 });
      return 0;
    });
    expect(guest.vcpu.getCpuid2().map((leaf) => leaf.function)).toEqual([0, 0, 1]);
  });

  test('can be read back', () => {
    using guest = realModeGuest(backend, cpuidGuest);
    const { kvm, vcpu } = guest;
    expect(vcpu.getCpuid2().length).toBe(0);
    const cpuid = new CpuidTable(kvm.getSupportedCpuid());
    cpuid.brand = 'read back';
    vcpu.setCpuid2(cpuid);
    const back = new CpuidTable(vcpu.getCpuid2());
    expect(back.brand).toBe('read back');
    // The kernel may add leaves, but removes none.
    for (const { function: leaf, index } of cpuid) expect(back.find(leaf, index), `${leaf}.${index}`).toBeDefined();
  });

  test('has what a Linux guest looks for', () => {
    using guest = realModeGuest(backend, cpuidGuest);
    const { kvm, vcpu } = guest;
    const cpuid = kvm.guestCpuid({ cpus: 2, lapic: false });
    expect([cpuid.has(CpuidFeature.Hypervisor), cpuid.has(CpuidFeature.X2apic)]).toEqual([true, false]);
    vcpu.setCpuid2(cpuid);
    vcpu.setRegs({ rip: 0x1000n, rflags: 2n, rax: 1n });
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    const { rbx, rcx } = vcpu.getRegs();
    expect([rbx >> 16n, rcx >> 31n]).toEqual([2n, 1n]);
    const hasDeadline = kvm.capabilities().has(Cap.TscDeadlineTimer);
    expect(kvm.guestCpuid().has(CpuidFeature.TscDeadline)).toBe(hasDeadline);
  });

  test('refuses invalid leaves', () => {
    using guest = realModeGuest(backend, cpuidGuest);
    const { vcpu } = guest;
    for (const leaves of [{ length: 2 }, [undefined], [{ function: 0 }, null]]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setCpuid2(wrong(leaves)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setCpuid(wrong(leaves)));
    }
    expect(vcpu.getCpuid2().length).toBe(0);
  });

  test('can be set with the older call', () => {
    using guest = realModeGuest(backend, cpuidGuest);
    guest.vcpu.setCpuid([
      { function: 0, eax: 3, ebx: 0x1111_1111 },
      { function: 3, edx: 7 },
    ]);
    const back = new CpuidTable(guest.vcpu.getCpuid2());
    expect(back.find(0)).toMatchObject({ eax: 3, ebx: 0x1111_1111, edx: 0 });
    expect(back.find(3)?.edx).toBe(7);
    for (const value of [undefined, null, 5, {}, [5]]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => guest.vcpu.setCpuid(wrong(value)));
    }
  });

  test('can have features that KVM emulates', (context) => {
    using kvm = Kvm.open({ backend });
    if (!kvm.capabilities().has(Cap.ExtEmulCpuid)) return context.skip('the host lacks KVM_CAP_EXT_EMUL_CPUID');
    expect(new CpuidTable(kvm.getEmulatedCpuid()).has(CpuidFeature.Movbe)).toBe(true);
  });

  test('can have the leaves of Hyper-V if the host supports them', (context) => {
    using guest = realModeGuest(backend, cpuidGuest);
    const { kvm, vcpu } = guest;
    const lacks: string[] = [];
    for (const [object, friendly, name] of [
      [kvm, 'SysHyperVCpuid', 'KVM_CAP_SYS_HYPERV_CPUID'],
      [vcpu, 'HyperVCpuid', 'KVM_CAP_HYPERV_CPUID'],
    ] as const) {
      if (kvm.capabilities().has(Cap[friendly])) {
        expect(new CpuidTable(object.getSupportedHvCpuid()).hypervisor).toBe('Linux KVM Hv');
      } else {
        const error = kvmError('ERR_KVM_UNSUPPORTED', () => object.getSupportedHvCpuid());
        expect(error.message).toMatch(
          `KVM_GET_SUPPORTED_HV_CPUID: this host's KVM lacks ${name}, Cap.${friendly} (it came with Linux`,
        );
        lacks.push(name);
      }
    }
    if (lacks.length > 0) context.skip(`the host lacks ${lacks.join(' and ')}`);
  });
});
