import { expect, test } from 'vitest';
import { Cr0, Cr4, Efer } from '../src/arch/x86/index.js';
import {
  Cap,
  KVM_VCPU_TSC_CTRL,
  KVM_VCPU_TSC_OFFSET,
  KVM_X86_REG_MSR,
  type KvmMsrEntry,
  type KvmSegment,
  KvmSregs2,
  LapicRegister,
  MpState,
  NestedStateFlag,
  NestedStateFormat,
  type StructInit,
  VcpuEventFlag,
} from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { machine, missing, needs, type Skipping } from './machine.js';
import { expectRoundTrip } from './round-trip.js';

const halt = code64`
  f4  ; hlt
`;

/** MSRs, with values that are not those at reset. */
const msrs: readonly StructInit<KvmMsrEntry>[] = [
  // SYSENTER: code segment, stack and entry. On AMD these have 32 bits.
  { index: 0x174, data: 0x10n },
  { index: 0x175, data: 0x8000_1000n },
  { index: 0x176, data: 0x8000_2000n },
  // Memory types: PAT, and the default type of the MTRRs.
  { index: 0x277, data: 0x0007_0106_0007_0106n },
  { index: 0x2ff, data: 0xc06n },
  // STAR, LSTAR, CSTAR, SFMASK, and the GS base that SWAPGS loads.
  { index: 0xc000_0081, data: 0x0023_0010_0000_0000n },
  { index: 0xc000_0082, data: 0xffff_8000_0000_3000n },
  { index: 0xc000_0083, data: 0xffff_8000_0000_4000n },
  { index: 0xc000_0084, data: 0x4_7700n },
  { index: 0xc000_0102, data: 0x7fff_1234_5000n },
];

/** In EFER. */
const svme = 1n << 12n;

function changeSegments(sregs: Record<'ds' | 'es' | 'fs' | 'gs', KvmSegment>): void {
  sregs.ds.assign({ selector: 0x18, dpl: 0, type: 1 });
  sregs.es.assign({ limit: 0xf_ffff, g: 0, avl: 1 });
  sregs.fs.base = 0xffff_8000_1234_5678n;
  sregs.gs.base = 0x7fff_8765_4321n;
}

onEachBackend('a processor returns what was set:', (backend) => {
  const long = (context: Skipping, ...caps: number[]) => {
    const guest = machine(backend, 'long', halt);
    needs(context, guest.vm, ...caps);
    return guest;
  };
  const withApic = (context: Skipping, ...caps: number[]) =>
    machine(backend, 'long', halt, {
      before: (vm) => {
        needs(context, vm, Cap.IrqChip, ...caps);
        vm.createIrqChip();
      },
    });

  test('the general-purpose registers', (context) => {
    using guest = long(context);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getRegs(),
      change: (regs) => {
        const names = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp'] as const;
        names.forEach((name, i) => {
          regs[name] = 0xf000_0000_0000_0001n + BigInt(i << 8);
        });
        const others = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'] as const;
        others.forEach((name, i) => {
          regs[name] = 0x0123_4567_89ab_cdefn + BigInt(i << 8);
        });
        // Carry, parity, zero, sign, direction, overflow, and the identification flag.
        regs.rflags = 0x20_0cc7n;
      },
      set: ({ vcpu }, regs) => vcpu.setRegs(regs),
    });
  });

  test('the system registers', (context) => {
    using guest = long(context);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getSregs(),
      change: (sregs) => {
        changeSegments(sregs);
        sregs.ldt.assign({ base: 0x5000n, limit: 0x7f, selector: 0x28, type: 2, present: 1, unusable: 0, s: 0 });
        sregs.gdt.assign({ base: 0xffff_8000_0000_6000n, limit: 0xfff });
        sregs.idt.assign({ base: 0xffff_8000_0000_7000n, limit: 0x1ff });
        sregs.cr0 |= Cr0.Wp | Cr0.Am;
        sregs.cr2 = 0xffff_8000_dead_b000n;
        sregs.cr3 += 0x1000n;
        sregs.cr4 |= Cr4.Pge;
        sregs.cr8 = 5n;
        sregs.efer |= Efer.Nxe | Efer.Sce;
      },
      set: ({ vcpu }, sregs) => vcpu.setSregs(sregs),
    });
  });

  test('a pending interrupt', (context) => {
    using guest = long(context);
    const sregs = guest.vcpu.getSregs();
    sregs.interruptBitmap[0] = 1n << 0x31n;
    guest.vcpu.setSregs(sregs);
    expect(guest.vcpu.getSregs().interruptBitmap).toEqual(BigUint64Array.of(1n << 0x31n, 0n, 0n, 0n));
  });

  test('the system registers of the second form', (context) => {
    using guest = long(context, Cap.Sregs2);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getSregs2(),
      change: (sregs) => {
        changeSegments(sregs);
        sregs.cr2 = 0x1234_5000n;
        sregs.cr8 = 9n;
        sregs.cr4 |= Cr4.Pge;
      },
      set: ({ vcpu }, sregs) => vcpu.setSregs2(sregs),
    });
    expect(guest.vcpu.getSregs2(new KvmSregs2()).cr3).toBe(guest.vcpu.getSregs().cr3);
  });

  test('the x87 and SSE registers', (context) => {
    using guest = long(context);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getFpu(),
      change: (fpu) => {
        fpu.fpr.forEach((register, i) => {
          register.set(Uint8Array.from({ length: 10 }, (_, byte) => 16 * i + byte + 1));
        });
        fpu.xmm.forEach((register, i) => {
          register.set(Uint8Array.from({ length: 16 }, (_, byte) => 255 - 16 * i - byte));
        });
        fpu.assign({ fcw: 0x27f, fsw: 0x3800, ftwx: 0xa5, lastOpcode: 0x123, lastIp: 0x1234n, lastDp: 0x5678n });
        // The call does not set MXCSR, which belongs to the extended state.
      },
      set: ({ vcpu }, fpu) => vcpu.setFpu(fpu),
    });
  });

  test('the extended state', (context) => {
    using guest = long(context, Cap.Xsave);
    const { vcpu } = guest;
    expectRoundTrip(guest, {
      get: () => vcpu.getXsave(),
      change: ({ region }) => {
        // By 32-bit words: the control word; MXCSR; XMM0 and XMM15; the state components that differ from reset, x87
        // and SSE.
        region[0] = 0x27f;
        region[6] = 0x1fa0;
        region.fill(0x0102_0304, 40, 44);
        region.fill(0xf1f2_f3f4, 100, 104);
        region[128] = (region[128] as number) | 0b11;
      },
      set: (_, xsave) => vcpu.setXsave(xsave),
    });
  });

  test('the extended state, however long', (context) => {
    using guest = long(context, Cap.Xsave2);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getXsave2(),
      change: ({ region }) => {
        // XMM7, and that SSE is in use.
        region.fill(0xa1b2_c3d4, 68, 72);
        region[128] = (region[128] as number) | 0b10;
      },
      set: ({ vcpu }, xsave) => vcpu.setXsave(xsave),
    });
  });

  test('the extended control registers', (context) => {
    using guest = long(context, Cap.Xcrs);
    const { vcpu } = guest;
    if (vcpu.getXcrs().nrXcrs === 0) missing(context, 'a processor with XSAVE');
    expectRoundTrip(guest, {
      get: () => vcpu.getXcrs(),
      change: ({ xcrs }) => {
        // x87 and SSE.
        xcrs[0]?.assign({ xcr: 0, value: 0b11n });
      },
      set: (_, xcrs) => vcpu.setXcrs(xcrs),
    });
  });

  test('the debug registers', (context) => {
    using guest = long(context, Cap.DebugRegs);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getDebugRegs(),
      change: (registers) => {
        registers.db.set([0x1000n, 0x2000n, 0xffff_8000_0000_3000n, 0x4000n]);
        registers.dr6 |= 0b1001n;
        registers.dr7 |= 0x0055n;
      },
      set: ({ vcpu }, registers) => vcpu.setDebugRegs(registers),
    });
  });

  test('the pending events', (context) => {
    using guest = withApic(context, Cap.VcpuEvents);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getVcpuEvents(),
      change: (events) => {
        events.interrupt.assign({ injected: 1, nr: 0x41 });
        events.nmi.assign({ masked: 1 });
        events.flags |= VcpuEventFlag.NmiPending | VcpuEventFlag.Shadow;
      },
      set: ({ vcpu }, events) => vcpu.setVcpuEvents(events),
    });
  });
  test('the model-specific registers', (context) => {
    using guest = long(context);
    const { vcpu } = guest;
    const indices = msrs.map(({ index }) => index as number);
    const values = () => Array.from(vcpu.getMsrs(indices), ({ index, data }) => ({ index, data }));
    const before = values();
    for (const each of [msrs, before]) {
      vcpu.setMsrs(each);
      expect(values()).toEqual(each);
    }
    for (const [i, { data }] of before.entries()) expect(data).not.toBe(msrs[i]?.data);
  });

  test('one register, by its id', (context) => {
    using guest = long(context, Cap.OneReg);
    const { vcpu } = guest;
    const lstar = 0xc000_0082;
    const id = KVM_X86_REG_MSR(lstar);
    vcpu.setOneReg(id, 0xffff_8000_0000_5000n);
    expect(vcpu.getOneReg(id)).toBe(0xffff_8000_0000_5000n);
    expect(vcpu.getMsrs([lstar])[0]?.data).toBe(0xffff_8000_0000_5000n);
  });

  test('the nested state', (context) => {
    using guest = long(context, Cap.NestedState);
    const { vcpu } = guest;
    const { format } = vcpu.getNestedState();
    if (format === NestedStateFormat.Svm) {
      // A vCPU without SVM enabled always takes interrupts.
      const sregs = vcpu.getSregs();
      sregs.efer |= svme;
      vcpu.setSregs(sregs);
    }
    expectRoundTrip(guest, {
      get: () => vcpu.getNestedState(),
      change: (state) => {
        if (format === NestedStateFormat.Svm) state.flags ^= NestedStateFlag.GifSet;
        else state.hdr.vmx.vmxonPa = 0x5000n;
      },
      set: (_, state) => vcpu.setNestedState(state),
    });
  });

  test('the frequency of the time-stamp counter', (context) => {
    using guest = long(context, Cap.TscControl, Cap.GetTscKhz);
    const { vcpu } = guest;
    const before = vcpu.getTscKhz();
    for (const khz of [before + 1000, before - 1000, before]) {
      vcpu.setTscKhz(khz);
      expect(vcpu.getTscKhz()).toBe(khz);
    }
  });

  test('the offset of the time-stamp counter', (context) => {
    using guest = long(context, Cap.VcpuAttributes);
    const { vcpu } = guest;
    const offset = { group: KVM_VCPU_TSC_CTRL, attr: BigInt(KVM_VCPU_TSC_OFFSET) };
    if (!vcpu.hasDeviceAttr(offset)) missing(context, 'the vCPU has no attribute for the TSC offset');
    const before = vcpu.getDeviceAttr(offset);
    vcpu.setDeviceAttr(offset, before ^ 0xff_ffffn);
    const after = [1, 2].map(() => vcpu.getDeviceAttr(offset));
    if (after[0] === 0n) missing(context, 'the host takes a TSC offset and does not keep it');
    // A program sets it so that the guest's counter continues from its saved value on a host with another counter.
    if (after[0] !== after[1]) missing(context, 'the host, whose TSC is unstable, moves the offset with each call');
    expect(after).toEqual([before ^ 0xff_ffffn, before ^ 0xff_ffffn]);
  });

  test('whether the vCPU runs or waits', (context) => {
    using guest = withApic(context, Cap.MpState);
    const { vcpu } = guest;
    for (const state of [MpState.Halted, MpState.Runnable]) {
      vcpu.setMpState(state);
      expect(vcpu.getMpState()).toBe(state);
    }
    using second = guest.vm.createVcpu(1);
    for (const state of [MpState.InitReceived, MpState.Uninitialized, MpState.Runnable]) {
      second.setMpState(state);
      expect(second.getMpState()).toBe(state);
    }
  });

  test('the local APIC', (context) => {
    using guest = withApic(context);
    expectRoundTrip(guest, {
      get: ({ vcpu }) => vcpu.getLapic(),
      change: (lapic) => {
        lapic.set(LapicRegister.Tpr, 0x20);
        // Derived from it.
        lapic.set(LapicRegister.Ppr, 0x20);
        lapic.set(LapicRegister.Ldr, 0x0200_0000);
        lapic.set(LapicRegister.Svr, 0x1f7);
        lapic.set(LapicRegister.LvtTimer, 0x1_00e0);
        lapic.set(LapicRegister.LvtLint0, 0x700);
        lapic.set(LapicRegister.LvtError, 0xfe);
        lapic.set(LapicRegister.TimerDivide, 0xb);
      },
      set: ({ vcpu }, lapic) => vcpu.setLapic(lapic),
    });
  });
});
