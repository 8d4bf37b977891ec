import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { type RealModeGuest, realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, MsrExitReason } from '../../../abi/x86/index.js';
import type { MsrFilter, MsrRange } from '../msr-filter.js';

const wrong = (value: unknown): never => value as never;

const SYSENTER_CS = 0x174;
const SYSENTER_ESP = 0x175;

/** mov ecx, index */
const index = (number: number): number[] => [0x66, 0xb9, number & 0xff, (number >> 8) & 0xff, 0, 0];
const rdmsr = (number: number): number[] => [...index(number), 0x0f, 0x32];
const wrmsr = (number: number): number[] => [...index(number), 0x0f, 0x30];
const hlt = 0xf4;

/** Sets a filter whose denied accesses are exits. */
function filtered(guest: RealModeGuest, filter: MsrFilter): void {
  guest.vm.enableCap(Cap.X86UserSpaceMsr, [BigInt(MsrExitReason.Filter)]);
  guest.vm.setMsrFilter(filter);
}

onEachBackend('an MSR filter', (backend) => {
  const lacking = ({ kvm }: RealModeGuest): string | undefined => {
    const missing = (
      [
        ['X86MsrFilter', Cap.X86MsrFilter],
        ['X86UserSpaceMsr', Cap.X86UserSpaceMsr],
      ] as const
    ).find(([, cap]) => !kvm.capabilities().has(cap));
    return missing && `the host lacks Cap.${missing[0]}`;
  };

  test('turns an access into an exit, and passes the answer to the guest', (context) => {
    using guest = realModeGuest(backend, [...rdmsr(SYSENTER_CS), ...wrmsr(SYSENTER_ESP), hlt]);
    const why = lacking(guest);
    if (why !== undefined) return context.skip(why);
    filtered(guest, { ranges: [{ base: SYSENTER_CS, count: 2 }] });
    const read = exitOf(guest.vcpu);
    if (read.reason !== ExitReason.X86Rdmsr) throw new Error(`no RDMSR but ${read.reason}`);
    expect(read.msr).toMatchObject({ index: SYSENTER_CS, error: 0, reason: MsrExitReason.Filter });
    read.msr.data = 0x1234_5678_9abc_def0n;
    const written = exitOf(guest.vcpu);
    if (written.reason !== ExitReason.X86Wrmsr) throw new Error(`no WRMSR but ${written.reason}`);
    // EDX and EAX still have the value that the guest has read.
    expect(written.msr).toMatchObject({ index: SYSENTER_ESP, data: 0x1234_5678_9abc_def0n });
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0x9abc_def0n, rdx: 0x1234_5678n });
    // The MSR itself was not written.
    expect(guest.vcpu.getMsrs([SYSENTER_ESP])[0]?.data).toBe(0n);
  });

  test('raises #GP if the answer is an error', (context) => {
    using guest = realModeGuest(backend, [...rdmsr(SYSENTER_CS), hlt]);
    const why = lacking(guest);
    if (why !== undefined) return context.skip(why);
    const GP = 13;
    guest.memory.write(GP * 4, Uint8Array.of(0x00, 0x30, 0, 0));
    guest.memory.write(0x3000, Uint8Array.of(0xe6, 0x11, hlt));
    filtered(guest, { ranges: [{ base: SYSENTER_CS, count: 1 }] });
    const read = exitOf(guest.vcpu);
    if (read.reason !== ExitReason.X86Rdmsr) throw new Error(`no RDMSR but ${read.reason}`);
    read.msr.error = 1;
    const exit = exitOf(guest.vcpu);
    expect(exit.reason === ExitReason.Io && exit.io.port).toBe(0x11);
  });

  test.for<[string, MsrFilter, number[]]>([
    [
      'the bits of a bitmap: 1 allows',
      { ranges: [{ base: SYSENTER_CS, count: 2, bitmap: Uint8Array.of(0b10) }] },
      [SYSENTER_CS],
    ],
    ['the direction', { ranges: [{ base: SYSENTER_CS, count: 2, read: false }] }, []],
    [
      'the default, for MSRs in no range',
      { default: 'deny', ranges: [{ base: SYSENTER_ESP, count: 1 }] },
      [SYSENTER_CS],
    ],
    [
      'the first range that covers an access',
      {
        ranges: [
          { base: SYSENTER_CS, count: 1, bitmap: Uint8Array.of(1) },
          { base: SYSENTER_CS, count: 2 },
        ],
      },
      [SYSENTER_ESP],
    ],
    ['nothing, once it is removed', {}, []],
  ])('decides by %s', ([, filter, denied], context) => {
    using guest = realModeGuest(backend, [...rdmsr(SYSENTER_CS), ...rdmsr(SYSENTER_ESP), hlt]);
    const why = lacking(guest);
    if (why !== undefined) return context.skip(why);
    filtered(guest, { ranges: [{ base: SYSENTER_CS, count: 2 }] });
    guest.vm.setMsrFilter(filter);
    const seen: number[] = [];
    for (let exit = exitOf(guest.vcpu); exit.reason === ExitReason.X86Rdmsr; exit = exitOf(guest.vcpu))
      seen.push(exit.msr.index);
    expect(guest.vcpu.kvmRun.exitReason).toBe(ExitReason.Hlt);
    expect(seen).toEqual(denied);
  });

  test('covers as many MSRs as a bitmap has bits, in up to 16 ranges', (context) => {
    using guest = realModeGuest(backend, [...rdmsr(SYSENTER_CS), hlt]);
    const why = lacking(guest);
    if (why !== undefined) return context.skip(why);
    const far = Array.from({ length: 15 }, (_, i): MsrRange => ({ base: 0x1_0000 + i * 0x1_0000, count: 12288 }));
    filtered(guest, { ranges: [...far, { base: SYSENTER_CS, count: 1, bitmap: Uint8Array.of(0) }] });
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.X86Rdmsr);
  });

  test('is refused if it is invalid', () => {
    using guest = realModeGuest(backend, [hlt]);
    const { vm } = guest;
    const range = { base: 0x10, count: 9 };
    for (const value of [null, 5, [], { default: 'maybe' }, { ranges: 5 }, { ranges: [5] }, { ranges: [{}] }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMsrFilter(wrong(value)));
    }
    for (const bitmap of [new Uint8Array(1), new Uint8Array(3), [0, 0], new Uint16Array(2), null]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMsrFilter({ ranges: [{ ...range, bitmap: wrong(bitmap) }] }));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMsrFilter({ ranges: [{ ...range, read: false, write: false }] }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMsrFilter({ ranges: [{ ...range, read: wrong(1) }] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMsrFilter({ ranges: [{ base: 0, count: 12289 }] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMsrFilter({ ranges: [{ base: 0, count: 0 }] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMsrFilter({ ranges: [{ base: 0xffff_ffff, count: 2 }] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMsrFilter({ ranges: Array(17).fill(range) }));
    const error = kvmError('ERR_KVM_SYSCALL', () => vm.setMsrFilter({ default: 'deny' }));
    expect(error).toMatchObject({ errno: constants.errno.EINVAL, ioctl: 'KVM_X86_SET_MSR_FILTER' });
    expect(error.hint).toMatch(/needs a range/);
  });
});

onEachBackend('a filter of PMU events', (backend) => {
  test('is accepted, and refused if it is invalid', (context) => {
    using guest = realModeGuest(backend, [hlt]);
    const { vm, kvm } = guest;
    const instructions = 0xc0n;
    if (!kvm.capabilities().has(Cap.PmuEventFilter)) {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.setPmuEventFilter({ action: 'allow', events: [] }));
      expect(error.message).toMatch(/KVM_CAP_PMU_EVENT_FILTER/);
      return context.skip('the host lacks KVM_CAP_PMU_EVENT_FILTER');
    }
    vm.setPmuEventFilter({ action: 'allow', events: [instructions], fixedCounterBitmap: 1 });
    vm.setPmuEventFilter({ action: 'deny', events: new BigUint64Array(300) });
    vm.setPmuEventFilter({ action: 'deny', events: [] });
    kvmError('ERR_KVM_SYSCALL', () => vm.setPmuEventFilter({ action: 'deny', events: new BigUint64Array(301) }));
    if (kvm.capabilities().has(Cap.PmuEventMaskedEvents)) {
      const reserved = 1n << 40n;
      const error = kvmError('ERR_KVM_SYSCALL', () =>
        vm.setPmuEventFilter({ action: 'allow', events: [reserved], masked: true }),
      );
      expect(error.hint).toMatch(/masked event/);
    }
    for (const value of [
      undefined,
      null,
      5,
      {},
      { action: 'allow' },
      { action: 'x', events: [] },
      { action: 'allow', events: [1] },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setPmuEventFilter(wrong(value)));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setPmuEventFilter({ action: 'allow', events: [-1n] }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setPmuEventFilter({ action: 'allow', events: [], masked: wrong(1) }));
  });
});
