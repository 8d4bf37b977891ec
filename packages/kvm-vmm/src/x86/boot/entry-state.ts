import type { Vcpu } from '@kvm/core';
import { Cr0, Cr4, Efer, Rflags, type Segment, segments } from '@kvm/core/x86';
import { Structures } from './layout.js';
import type { BootEntry } from './plan.js';

/** Linux asks for these selectors, `__BOOT_CS` and `__BOOT_DS`; the other protocols take any. */
const code = {
  protected: { ...segments.code32, selector: 0x10 },
  long: { ...segments.code64, selector: 0x10 },
} as const;
const data: Segment = { ...segments.data, selector: 0x18 };
/** PVH asks for a task-state segment of this limit. Nothing lies there: nothing switches tasks. */
const task: Segment = { ...segments.task, limit: 0x67 };

/** The descriptor table of a mode: two unused entries, code, data. */
export function gdt(mode: BootEntry['mode']): Uint8Array {
  return new Uint8Array(
    new BigUint64Array([0n, 0n, segments.descriptor(code[mode]), segments.descriptor(data)]).buffer,
  );
}

/** Sets the registers with which a kernel is entered. */
export function setEntryState(vcpu: Vcpu, { mode, rip, rax, rbx, rsi }: BootEntry): void {
  const isLong = mode === 'long';
  const usable = { unusable: 0 };
  const each = { ...data, ...usable };
  const sregs = vcpu.getSregs();
  sregs.assign({
    cs: { ...code[mode], ...usable },
    ds: each,
    es: each,
    fs: each,
    gs: each,
    ss: each,
    tr: { ...task, ...usable },
    gdt: { base: Structures.gdt, limit: gdt(mode).length - 1 },
    idt: { base: 0n, limit: 0 },
    cr0: Cr0.Pe | Cr0.Et | (isLong ? Cr0.Pg : 0n),
    cr3: isLong ? Structures.pageTables : 0n,
    cr4: isLong ? Cr4.Pae : 0n,
    efer: isLong ? Efer.Lme | Efer.Lma : 0n,
  });
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip, rax, rbx, rsi, rflags: Rflags.Fixed });
}
