import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeUnless, onEachBackend, whyNot } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, KvmCpuidEntry2, MemoryFlag } from '../../../abi/x86/index.js';
import { backendNames } from '../../../backend/select.js';
import { KvmError } from '../../../errors/kvm-error.js';
import { SavedState } from '../../../state/saved-state.js';
import { Kvm } from '../kvm.js';
import { Vcpu } from '../vcpu/vcpu.js';

/**
 * Computes Fibonacci numbers. Each is stored in memory and written to a port:
 *   mov dx, 0x10; mov bx, 1; mov cx, 20
 *   again: add ax, bx; xchg ax, bx; mov [0x3000], bx; out dx, ax; loop again
 *   hlt
 */
const fibonacci = [
  0xba, 0x10, 0x00, 0xbb, 0x01, 0x00, 0xb9, 0x14, 0x00, 0x01, 0xd8, 0x93, 0x89, 0x1e, 0x00, 0x30, 0xef, 0xe2, 0xf6,
  0xf4,
];
const numbers = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181, 6765];

/** The next values that a guest writes to its port. */
function told(vcpu: Vcpu, count: number): number[] {
  return Array.from({ length: count }, () => {
    const exit = exitOf(vcpu);
    return exit.reason === ExitReason.Io ? exit.io.value : -1;
  });
}

/** A state without the parts that depend on time. */
function timeless(state: SavedState): Record<string, string> {
  const parts = state.header.parts.filter(({ name }) => !/(?:msrs|lapic|clock)$/.test(name));
  return Object.fromEntries(parts.map(({ name }) => [name, Buffer.from(state.part(name)).toString('hex')]));
}

const missing = backendNames.map(whyNot).find((reason) => reason !== undefined);

describeUnless(missing, 'a guest saved halfway', () => {
  test.each(backendNames.flatMap((saver) => backendNames.map((other) => [saver, other] as const)))(
    'with %s continues in a new process with %s, and gets the right results',
    (saver, other) => {
      using guest = realModeGuest(saver, fibonacci);
      expect(told(guest.vcpu, 9)).toEqual(numbers.slice(0, 9));
      const folder = mkdtempSync(join(tmpdir(), 'kvm-state-'));
      try {
        const file = join(folder, 'state');
        writeFileSync(file, guest.vm.save([guest.vcpu]).toBytes());
        const program = new URL('../../../../test/state/resume.mjs', import.meta.url).pathname;
        const output = execFileSync(process.execPath, [program, other, file], { encoding: 'utf8', timeout: 30_000 });
        expect(JSON.parse(output)).toEqual(numbers.slice(9));
      } finally {
        rmSync(folder, { recursive: true });
      }
      // Saving does not disturb the saved guest.
      expect(told(guest.vcpu, 11)).toEqual(numbers.slice(9));
      expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    },
  );
});

onEachBackend('a saved VM', (backend) => {
  test('is the same when it is restored and saved again', () => {
    using guest = realModeGuest(backend, fibonacci);
    told(guest.vcpu, 3);
    const state = guest.vm.save([guest.vcpu]);
    using vm = guest.kvm.createVm();
    const { vcpus, memories } = vm.restore(SavedState.from(state.toBytes()));
    expect(vcpus.map(({ id }) => id)).toEqual([0]);
    expect(memories.map(({ size }) => size)).toEqual([guest.memory.size]);
    expect(timeless(vm.save(vcpus))).toEqual(timeless(state));
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('has its interrupt controllers, timer, and vCPUs that were not started', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.IrqChip) === 0) context.skip('the host lacks KVM_CAP_IRQCHIP');
    using vm = kvm.createVm();
    vm.createIrqChip();
    vm.createPit2();
    using first = vm.createVcpu(0);
    using second = vm.createVcpu(1);
    first.setCpuid2(kvm.getSupportedCpuid());
    const ioapic = vm.getIrqChip(2);
    ioapic.id = 5;
    vm.setIrqChip(2, ioapic);
    const state = vm.save([first, second]);
    using other = kvm.createVm();
    const { vcpus } = other.restore(state);
    expect(other.getIrqChip(2).id).toBe(5);
    expect(vcpus.map((vcpu) => vcpu.getMpState())).toEqual([first.getMpState(), second.getMpState()]);
    expect(vcpus[1]?.getMpState()).not.toBe(vcpus[0]?.getMpState());
    expect(other.getPit2().channels[0]?.count).toBe(vm.getPit2().channels[0]?.count);
    for (const vcpu of vcpus) vcpu.close();
  });

  test('has the state of a vCPU that another thread saves, which has no /dev/kvm of its own', () => {
    using guest = realModeGuest(backend, fibonacci);
    told(guest.vcpu, 3);
    using moved = Vcpu.from(guest.vcpu.transfer());
    using vm = guest.kvm.createVm();
    const { vcpus, memories } = vm.restore(guest.vm.save([moved.save()]));
    expect(told(vcpus[0] as Vcpu, 4)).toEqual(numbers.slice(3, 7));
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('without its memory goes on with a copy that the program has made of it', () => {
    using guest = realModeGuest(backend, fibonacci);
    told(guest.vcpu, 3);
    const state = guest.vm.save([guest.vcpu], { memory: false });
    expect(state.size).toBeLessThan(guest.memory.size);
    using vm = guest.kvm.createVm();
    expect(kvmError('ERR_KVM_STATE', () => vm.restore(state)).message).toContain('was saved without memory');
    using memory = guest.kvm.allocateMemory({ size: guest.memory.size });
    memory.write(0, guest.memory.read(0, memory.size));
    vm.mapMemory(memory, 0n);
    const { vcpus, memories } = vm.restore(state);
    expect(memories).toEqual([]);
    expect(told(vcpus[0] as Vcpu, 4)).toEqual(numbers.slice(3, 7));
    for (const vcpu of vcpus) vcpu.close();
  });

  test('takes its vCPUs from any iterable, which it reads once', () => {
    using guest = realModeGuest(backend, fibonacci);
    const { vm, vcpu } = guest;
    function* once() {
      yield vcpu;
    }
    const twice = new Set([vcpu]).values();
    for (const vcpus of [once(), twice]) expect(vm.save(vcpus).has('vcpu/0/regs')).toBe(true);
  });

  test('cannot leave out an open vCPU', () => {
    using guest = realModeGuest(backend, fibonacci);
    const { vm, vcpu } = guest;
    using second = vm.createVcpu(1);
    expect(kvmError('ERR_KVM_STATE', () => vm.save([vcpu])).message).toContain('vCPU 1 of this VM is not among');
    expect(vm.save([vcpu, second.save()]).has('vcpu/1/regs')).toBe(true);
    second.close();
    expect(vm.save([vcpu]).has('vcpu/1/regs')).toBe(false);
  });

  test('has a memory once if two slots show it, and does not store zeros', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x100_0000 });
    memory.write(0x5000, Uint8Array.of(1, 2, 3));
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, size: 0x10_0000 });
    vm.setUserMemoryRegion({
      slot: 7,
      guestPhysAddr: 0x1_0000_0000n,
      memory,
      offset: 0x5000,
      flags: MemoryFlag.LogDirtyPages,
    });
    const state = vm.save([]);
    expect(state.size).toBeLessThan(0x2000);
    using other = kvm.createVm();
    const { memories } = other.restore(state);
    expect(memories).toHaveLength(1);
    expect([...(memories[0]?.read(0x5000, 4) ?? [])]).toEqual([1, 2, 3, 0]);
    expect(other.save([]).header).toEqual(state.header);
    memories[0]?.close();
  });

  test('completes a read that was answered, and runs no other instruction', () => {
    // in al, 0x10; out 0x11, al; hlt
    using guest = realModeGuest(backend, [0xe4, 0x10, 0xe6, 0x11, 0xf4]);
    const exit = exitOf(guest.vcpu);
    if (exit.reason !== ExitReason.Io) throw new Error('the guest did not read');
    exit.io.value = 0x5a;
    const state = guest.vm.save([guest.vcpu]);
    using vm = guest.kvm.createVm();
    const { vcpus, memories } = vm.restore(state);
    expect(told(vcpus[0] as Vcpu, 1)).toEqual([0x5a]);
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('cannot be made between the halves of an access', () => {
    // mov ax, 0x2000; mov ds, ax; mov [0x0fff], ax; hlt: two bytes across the end of a page without memory
    using guest = realModeGuest(backend, [0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa3, 0xff, 0x0f, 0xf4]);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Mmio);
    const error = kvmError('ERR_KVM_STATE', () => guest.vm.save([guest.vcpu]));
    expect(error.message).toContain('in the middle of an access');
    // The second half must be handled first.
    expect(guest.vcpu.settle()).toBeUndefined();
    expect(guest.vm.save([guest.vcpu]).has('vcpu/0/regs')).toBe(true);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('does not lose an earlier kick', () => {
    using guest = realModeGuest(backend, fibonacci);
    told(guest.vcpu, 1);
    guest.vcpu.kick();
    guest.vm.save([guest.vcpu]);
    expect(guest.vcpu.run().reason).toBe(ExitReason.Intr);
    expect(told(guest.vcpu, 1)).toEqual([1]);
  });
});

onEachBackend('a state is refused', (backend) => {
  /** The state of a guest with some parts changed. A part that is undefined is left out. */
  function altered(
    parts: Readonly<Record<string, Uint8Array | undefined>>,
    notes?: Record<string, unknown>,
  ): SavedState {
    using guest = realModeGuest(backend, fibonacci);
    guest.vcpu.setCpuid2(guest.kvm.getSupportedCpuid());
    const state = guest.vm.save([guest.vcpu]);
    const names = new Set([...state.header.parts.map(({ name }) => name), ...Object.keys(parts)]);
    return SavedState.of(
      'vm',
      'x86',
      [...names].flatMap((name) => {
        const bytes = name in parts ? parts[name] : state.part(name);
        return bytes === undefined ? [] : [{ name, bytes, notes: name in parts ? (notes ?? {}) : state.notes(name) }];
      }),
    );
  }

  function refusal(state: SavedState): string {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    return kvmError('ERR_KVM_STATE', () => vm.restore(state)).message;
  }

  test.each([
    ['regs of another length', { 'vcpu/0/regs': new Uint8Array(8) }, 'regs has 8 bytes, and a struct kvm_regs has 144'],
    ['an unknown part', { 'vcpu/0/soul': new Uint8Array(1) }, 'has soul, which this version does not know'],
    [
      'more extended state than the host supports',
      { 'vcpu/0/xsave': new Uint8Array(1 << 20) },
      'this host takes 4096 to',
    ],
    ['too little extended state', { 'vcpu/0/xsave': new Uint8Array(8) }, 'xsave has 8 bytes'],
    ['half an MSR', { 'vcpu/0/msrs': new Uint8Array(9) }, 'not a whole number of struct kvm_msr_entry'],
    ['an unknown MSR', { 'vcpu/0/msrs': msr(0xdead, 1n) }, 'MSR 0xdead cannot be set to 0x1 here'],
    ['a frequency of two bytes', { 'vcpu/0/tscKhz': new Uint8Array(2) }, 'tscKhz has 2 bytes'],
    ['no slots', { slots: undefined }, 'has no valid list of memory slots'],
    [
      'registers that the kernel refuses',
      { 'vcpu/0/debugRegs': new Uint8Array(128).fill(0xff) },
      'debugRegs cannot be',
    ],
    ['incomplete memory', { 'memory/0': new Uint8Array(5) }, 'memory/0 of this state has no valid list'],
  ])('that has %s', (_, parts: Record<string, Uint8Array | undefined>, message) => {
    expect(refusal(altered(parts))).toContain(message);
  });

  test('whose guest has seen features that this host lacks', () => {
    // No CPU has all bits of edx.
    const everything = KvmCpuidEntry2.from({ function: 7, flags: 1, edx: 0xffff_ffff });
    expect(refusal(altered({ 'vcpu/0/cpuid': everything.bytes }))).toContain('this host lacks: leaf 0x7 edx bit');
  });

  test.each([
    [
      [{ slot: 0, guestPhysAddr: '0x0', flags: 0, memory: 3, offset: 0, size: 4096 }],
      'refers to memory that it does not have',
    ],
    [
      [{ slot: 0, guestPhysAddr: 'here', flags: 0, memory: 0, offset: 0, size: 4096 }],
      'has no valid list of memory slots',
    ],
    [[{ slot: 0 }], 'has no valid list of memory slots'],
    [
      [{ slot: 0, guestPhysAddr: '0x0', flags: 2 ** 40, memory: 0, offset: 0, size: 4096 }],
      'cannot be restored here: flags must be',
    ],
    [
      ['0x0', '0x10000'].map((guestPhysAddr) => ({
        slot: 5,
        guestPhysAddr,
        flags: 0,
        memory: 0,
        offset: 0,
        size: 4096,
      })),
      'has slot 5 twice',
    ],
    [
      [0, 1].map((slot) => ({ slot, guestPhysAddr: '0x0', flags: 0, memory: 0, offset: 0, size: 4096 })),
      'cannot be restored here: KVM_SET_USER_MEMORY_REGION: EEXIST',
    ],
    ['none', 'has no valid list of memory slots'],
  ])('whose slots are %j', (slots, message) => {
    expect(refusal(altered({ slots: new Uint8Array() }, { slots }))).toContain(message);
  });

  test.each([1e15, 100, 2 ** 45])('whose memory has an impossible size: %d', (size) => {
    expect(refusal(altered({ 'memory/0': new Uint8Array() }, { size, runs: [] }))).toMatch(/memory/);
  });

  test.each(['cpuid', 'regs', 'msrs'])('whose vCPU has no %s', (name) => {
    expect(refusal(altered({ [`vcpu/0/${name}`]: undefined }))).toContain(`this state has no ${name}`);
  });

  test('whose vCPU has no sregs of either kind, or no parts at all', () => {
    const without = altered({ 'vcpu/0/sregs': undefined, 'vcpu/0/sregs2': undefined });
    expect(refusal(without)).toContain('this state has no sregs or sregs2');
    using guest = realModeGuest(backend, fibonacci);
    const nothing = SavedState.of('vcpu', 'x86', [], 0);
    expect(kvmError('ERR_KVM_STATE', () => guest.vcpu.restore(nothing)).message).toContain('this state has no cpuid');
  });

  test('by a vCPU with another id, by one that has run, and by a VM that has had vCPUs', () => {
    using guest = realModeGuest(backend, fibonacci);
    const { vm, vcpu, kvm } = guest;
    const state = vcpu.save();
    using second = vm.createVcpu(1);
    expect(kvmError('ERR_KVM_STATE', () => second.restore(state)).message).toContain('of vCPU 0, and this is vCPU 1');
    vcpu.restore(state);
    exitOf(vcpu);
    expect(kvmError('ERR_KVM_STATE', () => vcpu.restore(state)).message).toContain('that has not run yet');
    using other = kvm.createVm();
    const whole = vm.save([vcpu, second]);
    other.createVcpu(3).close();
    expect(kvmError('ERR_KVM_STATE', () => other.restore(whole)).message).toContain('a VM without vCPUs');
  });

  test('by an object of another kind or architecture', () => {
    using guest = realModeGuest(backend, fibonacci);
    const { vm, vcpu } = guest;
    const state = vm.save([vcpu]);
    expect(kvmError('ERR_KVM_STATE', () => vm.restore(state)).message).toContain('a VM without memory');
    expect(kvmError('ERR_KVM_STATE', () => vcpu.restore(state)).message).toContain('state of a vm, not of a vcpu');
    const arm = SavedState.of('vcpu', 'arm64', []);
    expect(kvmError('ERR_KVM_STATE', () => vcpu.restore(arm)).message).toContain('is of arm64, and this host is x86');
    expect(kvmError('ERR_KVM_STATE', () => vm.save([vcpu, vcpu])).message).toContain('0, 0 are not all different');
    expect(kvmError('ERR_KVM_STATE', () => vm.save([state])).message).toContain('state of a vm');
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.save(vcpu as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.restore(new Uint8Array(3) as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.restore({} as never));
    vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => vcpu.save());
    kvmError('ERR_KVM_CLOSED', () => vcpu.settle());
  });

  test('or restored if its bytes are damaged', () => {
    using guest = realModeGuest(backend, fibonacci);
    using kvm = Kvm.open({ backend });
    told(guest.vcpu, 2);
    const original = guest.vm.save([guest.vcpu]).toBytes();
    const damage = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = original.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        using vm = kvm.createVm();
        try {
          const { vcpus, memories } = vm.restore(SavedState.from(bytes));
          for (const each of [...vcpus, ...memories]) each.close();
        } catch (error) {
          if (!(error instanceof KvmError)) throw error;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describeUnless(missing, 'a closed VM', () => {
  test('can be neither saved nor restored', () => {
    const kvm = Kvm.open();
    const vm = kvm.createVm();
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => vm.save([]));
    kvmError('ERR_KVM_CLOSED', () => vm.restore(SavedState.of('vm', 'x86', [])));
    kvm.close();
  });
});

function msr(index: number, data: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, index, true);
  view.setBigUint64(8, data, true);
  return bytes;
}
