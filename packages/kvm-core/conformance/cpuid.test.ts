import { expect, test } from 'vitest';
import { Cr4 } from '../src/arch/x86/index.js';
import { CpuidFlag, ExitReason, type Kvm, type KvmCpuidEntry2, type StructInit, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16 } from './guest/listing.js';
import { changeRegs, entry, type Machine, machine, runTo } from './machine.js';

const cpuid = code16`
  0f a2  ; cpuid
  f4     ; hlt
`;

type Leaf = StructInit<KvmCpuidEntry2>;

/** A guest that sees these leaves. */
function guestOf(backend: Parameters<typeof machine>[0], leaves: (kvm: Kvm) => Leaf[]): Machine {
  const guest = machine(backend, 'real', cpuid);
  guest.vcpu.setCpuid2(leaves(guest.kvm));
  return guest;
}

/** The result of the instruction for a leaf. */
function ask(vcpu: Vcpu, leaf: number, index = 0): bigint[] {
  changeRegs(vcpu, { rip: entry, rax: BigInt(leaf), rcx: BigInt(index) });
  runTo(vcpu, ExitReason.Hlt);
  const { rax, rbx, rcx, rdx } = vcpu.getRegs();
  return [rax, rbx, rcx, rdx];
}

/** "AuthenticAMD", whose processors return 0 for missing leaves. Intel's return their last leaf. */
const vendor = { ebx: 0x6874_7541, edx: 0x6974_6e65, ecx: 0x444d_4163 };

onEachBackend('CPUID', (backend) => {
  test('gives a guest the leaves it was given', () => {
    const leaves: Leaf[] = [
      { function: 0, eax: 7, ...vendor },
      { function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x1111_1111, ecx: 0x8000_0000, edx: 0xffff_ffff },
      { function: 0x8000_0000, eax: 0x8000_0008, ...vendor },
      { function: 0x8000_0002, eax: 1, ebx: 2, ecx: 3, edx: 4 },
    ];
    using guest = guestOf(backend, () => leaves);
    expect(ask(guest.vcpu, 0)).toEqual([7, vendor.ebx, vendor.ecx, vendor.edx].map(BigInt));
    expect(ask(guest.vcpu, 0x4000_0000)).toEqual([0x4000_0001n, 0x1111_1111n, 0x8000_0000n, 0xffff_ffffn]);
    expect(ask(guest.vcpu, 0x8000_0002)).toEqual([1n, 2n, 3n, 4n]);
  });

  test('is what getCpuid2 returns', () => {
    using guest = guestOf(backend, () => [
      { function: 0, eax: 7, ...vendor },
      { function: 4, index: 1, flags: CpuidFlag.SignificantIndex, ebx: 0x20 },
      { function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x1111_1111, ecx: 0x8000_0000, edx: 0xffff_ffff },
    ]);
    const leaves = guest.vcpu.getCpuid2();
    const wanted = leaves.map(({ function: leaf, index, flags, eax, ebx, ecx, edx }) => {
      return [leaf, index, flags, eax, ebx, ecx, edx];
    });
    expect(wanted).toEqual([
      [0, 0, 0, 7, vendor.ebx, vendor.ecx, vendor.edx],
      [4, 1, CpuidFlag.SignificantIndex, 0, 0x20, 0, 0],
      [0x4000_0000, 0, 0, 0x4000_0001, 0x1111_1111, 0x8000_0000, 0xffff_ffff],
    ]);
  });

  test('tells subleaves apart where the leaf has them', () => {
    const flags = CpuidFlag.SignificantIndex;
    using guest = guestOf(backend, () => [
      { function: 0, eax: 7, ...vendor },
      { function: 4, index: 0, flags, eax: 10 },
      { function: 4, index: 1, flags, eax: 11 },
      { function: 2, eax: 12 },
    ]);
    expect(ask(guest.vcpu, 4, 0)[0]).toBe(10n);
    expect(ask(guest.vcpu, 4, 1)[0]).toBe(11n);
    expect(ask(guest.vcpu, 2, 5)[0]).toBe(12n);
  });

  test('is zero for leaves that the guest does not have', () => {
    using guest = guestOf(backend, () => [{ function: 0, eax: 7, ...vendor }]);
    expect(ask(guest.vcpu, 3)).toEqual([0n, 0n, 0n, 0n]);
    expect(ask(guest.vcpu, 0x100)).toEqual([0n, 0n, 0n, 0n]);
  });

  test('says whether the guest has turned XSAVE on', (context) => {
    const osxsave = 1n << 27n;
    using guest = guestOf(backend, (kvm) => Array.from(kvm.getSupportedCpuid()));
    const sregs = guest.vcpu.getSregs();
    const before = ask(guest.vcpu, 1)[2] as bigint;
    expect(before & osxsave).toBe(0n);
    if ((before & (1n << 26n)) === 0n) context.skip('the host offers its guests no XSAVE');
    sregs.cr4 |= Cr4.Osxsave;
    guest.vcpu.setSregs(sregs);
    expect((ask(guest.vcpu, 1)[2] as bigint) & osxsave).toBe(osxsave);
  });
});
