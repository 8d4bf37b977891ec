import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { codeAddress, realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import {
  Cap,
  ExitReason,
  KVM_GET_MSRS,
  KVM_GET_NESTED_STATE,
  KVM_GET_XSAVE2,
  KVM_RUN,
  KVM_S390_VCPU_FAULT,
  KvmCpuidEntry2,
  KvmMsrEntry,
  KvmMsrs,
  KvmNestedState,
  KvmRegs,
  type KvmSregs,
  KvmXsave,
} from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';

const IA32_TSC = 0x10;
const IA32_SYSENTER_CS = 0x174;
const IA32_SYSENTER_EIP = 0x176;
const NO_SUCH_MSR = 0x4fff_ffff;

onEachBackend('Vcpu', (backend) => {
  test('has the registers of a reset CPU, and keeps what they are set to', () => {
    using guest = realModeGuest(backend, [0xf4]);
    using fresh = guest.vm.createVcpu(1);
    expect(fresh.getRegs().rflags).toBe(2n);
    expect(fresh.getRegs().rip).toBe(0xfff0n);
    const regs = fresh.getRegs();
    regs.assign({ rax: 0xc355n, r15: 0xffff_ffff_ffff_ffffn, rip: 0x1234n });
    fresh.setRegs(regs);
    const back = fresh.getRegs(new KvmRegs());
    expect(back.equals(regs)).toBe(true);
  });

  test('zeroes the registers that are left out', () => {
    using guest = realModeGuest(backend, [0xf4]);
    guest.vcpu.setRegs({ rax: 1n });
    guest.vcpu.setRegs({ rbx: 2n });
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0n, rbx: 2n, rflags: 2n });
  });

  test('has segments and control registers, and keeps what they are set to', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const sregs = vcpu.getSregs();
    expect(sregs.cs.base).toBe(0xffff_0000n);
    sregs.cs.base = 0x1000n;
    sregs.gdt.assign({ base: 0x2000n, limit: 0x27 });
    vcpu.setSregs(sregs);
    expect(vcpu.getSregs().equals(sregs)).toBe(true);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setSregs({ cs: { selector: 0x10000 } }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSregs(new KvmRegs() as unknown as KvmSregs));
  });

  test('has the floating-point state, and keeps what it is set to', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const fpu = guest.vcpu.getFpu();
    expect(fpu.fcw).toBe(0x37f);
    fpu.fcw = 0x27f;
    fpu.mxcsr = 0x1f80;
    fpu.xmm[15]?.fill(0xa5);
    guest.vcpu.setFpu(fpu);
    const back = guest.vcpu.getFpu();
    expect(back.fcw).toBe(0x27f);
    expect([...(back.xmm[15] ?? [])]).toEqual(Array(16).fill(0xa5));
  });

  test('reads and sets MSRs, and names the one that cannot be', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    vcpu.setMsrs([
      { index: IA32_SYSENTER_CS, data: 8n },
      KvmMsrEntry.from({ index: IA32_SYSENTER_EIP, data: 0x1234n }),
    ]);
    const entries = vcpu.getMsrs([IA32_SYSENTER_EIP, IA32_SYSENTER_CS, IA32_TSC]);
    expect(entries.map(({ index }) => index)).toEqual([IA32_SYSENTER_EIP, IA32_SYSENTER_CS, IA32_TSC]);
    expect([entries[0]?.data, entries[1]?.data]).toEqual([0x1234n, 8n]);
    const wanted = [IA32_SYSENTER_CS, NO_SUCH_MSR, IA32_TSC];
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.getMsrs(wanted)).message).toMatch(
      `MSR 0x${NO_SUCH_MSR.toString(16)} cannot be read`,
    );
    const { entries: readable, unreadable } = vcpu.readMsrs(wanted);
    expect(readable.map(({ index }) => index)).toEqual([IA32_SYSENTER_CS, IA32_TSC]);
    expect(unreadable).toEqual([NO_SUCH_MSR]);
    const many = Array.from({ length: 600 }, (_, i) => (i % 300 === 299 ? NO_SUCH_MSR : IA32_SYSENTER_CS));
    expect(vcpu.readMsrs(many).entries).toHaveLength(598);
    expect(vcpu.readMsrs(many).unreadable).toEqual([NO_SUCH_MSR, NO_SUCH_MSR]);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.readMsrs(5 as never));
    const tried = [
      { index: IA32_SYSENTER_CS, data: 16n },
      { index: NO_SUCH_MSR, data: 5n },
      { index: IA32_SYSENTER_EIP, data: 0x99n },
    ];
    const refused = kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.setMsrs(tried));
    expect(refused).toMatchObject({ ioctl: 'KVM_SET_MSRS', hint: expect.stringContaining('writeMsrs') });
    expect(refused.message).toContain(
      `MSR 0x${NO_SUCH_MSR.toString(16)} cannot be set to 0x5; the 1 before it are set`,
    );
    const values = (): (bigint | undefined)[] =>
      vcpu.getMsrs([IA32_SYSENTER_CS, IA32_SYSENTER_EIP]).map(({ data }) => data);
    expect(values()).toEqual([16n, 0x1234n]);
    expect(vcpu.writeMsrs(tried)).toEqual({ refused: [NO_SUCH_MSR] });
    expect(values()).toEqual([16n, 0x99n]);
    expect(vcpu.writeMsrs(many.map((index) => ({ index })))).toEqual({ refused: [NO_SUCH_MSR, NO_SUCH_MSR] });
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.writeMsrs(5 as never));
    expect(vcpu.getMsrs([])).toHaveLength(0);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.getMsrs([2 ** 32]));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.getMsrs({ length: 2 ** 31 }));
  });

  test('reads the MSRs that the host lists, in order, except those that cannot be read', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const indices = [...guest.kvm.getMsrIndexList()];
    const { entries, unreadable } = guest.vcpu.readMsrs(indices);
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.map(({ index }) => index)).toEqual(indices.filter((index) => !unreadable.includes(index)));
    // Their number depends on the kernel and on the guest's CPUID.
    for (const index of unreadable) kvmError('ERR_KVM_UNSUPPORTED', () => guest.vcpu.getMsrs([index]));
  });

  test('takes CPUID leaves, and the guest sees them', () => {
    // mov eax, 0x40000000; cpuid; hlt
    using guest = realModeGuest(backend, [0x66, 0xb8, 0x00, 0x00, 0x00, 0x40, 0x0f, 0xa2, 0xf4]);
    const leaves = [...guest.kvm.getSupportedCpuid()].filter((entry) => entry.function !== 0x4000_0000);
    const own = KvmCpuidEntry2.from({ function: 0x4000_0000, eax: 0x4000_0000, ebx: 0x12345678 });
    guest.vcpu.setCpuid2([...leaves, own]);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rbx).toBe(0x1234_5678n);
  });

  test('refuses more CPUID leaves than the kernel takes', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const many = Array.from({ length: 1000 }, (_, i) => ({ function: i }));
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.setCpuid2(many)).errno).toBe(constants.errno.E2BIG);
  });

  test('throws once it is closed, and views of its run state read zero', () => {
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xf4]);
    const { vcpu } = guest;
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.Io) throw new Error(`exit reason ${exit.reason}`);
    const { kvmRun } = vcpu;
    expect(kvmRun.exitReason).toBe(ExitReason.Io);
    vcpu.close();
    vcpu.close();
    expect([kvmRun.exitReason, exit.io.port, exit.io.size, exit.io.data.length, exit.io.value]).toEqual([
      0, 0, 0, 0, 0,
    ]);
    for (const use of [
      () => vcpu.run(),
      () => vcpu.fd,
      () => vcpu.kick(),
      () => vcpu.kickHandle(),
      () => vcpu.kvmRun,
      () => vcpu.getRegs(),
      () => vcpu.setRegs({}),
      () => vcpu.getSregs(),
      () => vcpu.setSregs({}),
      () => vcpu.getFpu(),
      () => vcpu.setFpu({}),
      () => vcpu.getMsrs([]),
      () => vcpu.setMsrs([]),
      () => vcpu.writeMsrs([{ index: IA32_SYSENTER_CS }]),
      () => vcpu.setCpuid2([]),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });

  test('outlives its VM and its Kvm', () => {
    const kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const memory = kvm.allocateMemory({ size: 0x2000 });
    memory.write(codeAddress, Uint8Array.of(0xe6, 0x10, 0xf4));
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
    using vcpu = vm.createVcpu(0);
    kvm.close();
    vm.close();
    memory.close();
    const sregs = vcpu.getSregs();
    sregs.cs.assign({ base: 0n, selector: 0 });
    vcpu.setSregs(sregs);
    vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });
    expect(exitOf(vcpu).reason).toBe(ExitReason.Io);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('refuses bytes that were transferred to another thread', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const regs = guest.vcpu.getRegs();
    structuredClone(regs.bytes.buffer, { transfer: [regs.bytes.buffer as ArrayBuffer] });
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => guest.vcpu.getRegs(regs)).message).toMatch(/transferred/);
  });

  test('refuses values that are not lists or registers', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    const wrong = (value: unknown): never => value as never;
    for (const value of [undefined, null, 5, {}, 'x', { length: -1 }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getMsrs(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setMsrs(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setCpuid2(wrong(value)));
    }
    for (const list of [[undefined], { length: 1 }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setMsrs(wrong(list)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getMsrs(wrong(list)));
    }
    for (const value of [undefined, null, 5, [], 'x', new Uint8Array(144)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setRegs(wrong(value)));
    }
  });

  test('refuses a raw KVM_RUN, which could not be stopped', () => {
    using guest = realModeGuest(backend, [0xeb, 0xfe]);
    expect(kvmError('ERR_KVM_UNSAFE', () => guest.vcpu.ioctl(KVM_RUN)).hint).toBe('use run()');
  });

  test('refuses the calls of other architectures', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => guest.vcpu.ioctl(KVM_S390_VCPU_FAULT, 0));
    expect(error.message).toBe('x86 has no KVM_S390_VCPU_FAULT (it belongs to: s390)');
  });

  test('names the capability of a call that the host lacks', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    if (guest.kvm.checkExtension(Cap.NestedState) !== 0) context.skip('the host has KVM_CAP_NESTED_STATE');
    const state = KvmNestedState.from({ size: KvmNestedState.size });
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => guest.vcpu.ioctl(KVM_GET_NESTED_STATE, state));
    expect(error.message).toBe(
      "KVM_GET_NESTED_STATE: this host's KVM lacks KVM_CAP_NESTED_STATE, Cap.NestedState " +
        '(it came with Linux 5.10 or earlier)',
    );
  });

  test('leaves views that read zero after close, even if they were transferred', () => {
    const views: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      using guest = realModeGuest(backend, [0xe6, 0x10]);
      exitOf(guest.vcpu);
      const buffer = guest.vcpu.kvmRun.bytes.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
      views.push(new Uint8Array(buffer.transfer?.() ?? structuredClone(buffer)), guest.vcpu.kvmRun.bytes);
    }
    globalThis.gc?.();
    // A transferred view has no bytes. If the runtime copies instead, the copy has the bytes of the exit.
    for (const view of views) {
      const zero = view.length === 0 || view.every((byte) => byte === 0);
      expect(zero || view[8] === ExitReason.Io).toBe(true);
    }
  });

  test('refuses a raw call that would use more bytes than its struct has', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const lying = KvmMsrs.withCapacity(1);
    lying.view.setUint32(0, 0xffff_ffff, true);
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.ioctl(KVM_GET_MSRS, lying)).message).toMatch(/has 24/);
    const state = new KvmNestedState();
    state.size = 2 ** 20;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.ioctl(KVM_GET_NESTED_STATE, state));
    const size = guest.vm.checkExtension(Cap.Xsave2);
    if (size === 0) context.skip('the host lacks KVM_CAP_XSAVE2');
    expect(guest.vcpu.ioctl(KVM_GET_XSAVE2, KvmXsave.at(new Uint8Array(size)))).toBe(0);
    if (size > KvmXsave.size) kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.ioctl(KVM_GET_XSAVE2, new KvmXsave()));
  });

  test('is created, run and closed a hundred times without leaving a descriptor', () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 100; i++) {
      using guest = realModeGuest(backend, [0xf4]);
      expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    }
    // Node opens some descriptors of its own on first use.
    expect(readdirSync('/proc/self/fd').length - before).toBeLessThan(8);
  });
});
