import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { guestImage } from '../../test/guests.js';
import { realModeGuest } from '../../test/real-mode.js';
import { recordingBackend } from '../../test/recording-backend.js';
import { exitOf } from '../../test/run.js';
import { Cap, KvmCpuidEntry2, KvmFpu, KvmIrqRouting, KvmRegs, KvmRunMmio, KvmSregs } from '../abi/x86/index.js';
import { x86 } from '../arch/x86/architecture.js';
import { CpuidTable } from '../arch/x86/cpuid/table.js';
import { type Exit, exitMakers } from '../arch/x86/exit.js';
import { IoAccess } from '../arch/x86/io-access.js';
import { Kvm } from '../arch/x86/kvm.js';
import { KvmError } from '../errors/kvm-error.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { SavedState } from '../state/saved-state.js';
import { Capabilities } from '../system/capabilities.js';
import { ExitViews } from '../vcpu/exit-views.js';
import type { RunState } from '../vcpu/run-state.js';
import { Device } from '../vm/device.js';

describe('a struct prints', () => {
  test('its fields by name, with 64-bit ones in hexadecimal', () => {
    const text = inspect(KvmRegs.from({ rip: 0x1000n, rax: 2n ** 64n - 1n }));
    expect(text).toMatch(/^KvmRegs \{\n/);
    expect(text).toContain('rip: 0x1000n');
    expect(text).toContain('rax: 0xffffffffffffffffn');
    expect(text).not.toMatch(/Uint8Array|DataView|parts/);
  });

  test('nested structs by name, and only the name below the depth limit', () => {
    const sregs = KvmSregs.from({ cs: { base: 0xf000n } });
    expect(inspect(sregs)).toMatch(/cs: KvmSegment \{\s+base: 0xf000n/);
    expect(inspect(sregs, { depth: 0 })).toContain('cs: [KvmSegment]');
    expect(inspect({ a: { b: sregs } }, { depth: 1 })).toBe('{ a: { b: [KvmSregs] } }');
    expect(inspect({ a: { b: { c: { d: sregs } } } }, { depth: null })).toContain('base: 0xf000n');
  });

  test('padding only if it is not zero', () => {
    const entry = KvmCpuidEntry2.from({ function: 1 });
    expect(inspect(entry)).not.toContain('padding');
    entry.padding[1] = 7;
    expect(inspect(entry)).toContain('padding: [ 0, 7, 0 ]');
  });

  test('long arrays truncated, or up to maxArrayLength', () => {
    const fpu = new KvmFpu();
    expect(inspect(fpu)).toMatch(/<16 zero bytes>|<00 00/);
    const routing = KvmIrqRouting.withCapacity(40);
    expect(inspect(routing)).toContain('24 more items');
    expect(inspect(routing, { maxArrayLength: 2 })).toContain('38 more items');
    expect(inspect(routing, { maxArrayLength: null })).not.toContain('more items');
    const mmio = KvmRunMmio.from({ len: 8, data: [1, 2, 0xab, 4, 5, 6, 7, 8] });
    expect(inspect(mmio)).toContain('data: <01 02 ab 04 05 06 07 08>');
    expect(inspect(mmio, { maxArrayLength: 2 })).toContain('data: <01 02 ... 6 more bytes>');
  });

  test('in colour on request', () => {
    expect(inspect(KvmRegs.from({ rip: 1n }), { colors: true })).toContain('\u001b[33m0x1n\u001b[39m');
  });

  test('an explanation once its buffer was transferred away', () => {
    const regs = new KvmRegs();
    structuredClone(regs.bytes.buffer, { transfer: [regs.bytes.buffer as ArrayBuffer] });
    expect(inspect(regs)).toMatch(/^KvmRegs \[.+\]$/);
  });
});

describe('an object without a host prints', () => {
  test('an exit by the name of its reason, with its members', () => {
    const run = new x86.abi.KvmRun();
    const { bytes } = run;
    const state = { run, bytes, arch: x86 } as unknown as RunState;
    const views = new ExitViews<Exit>(state, exitMakers);
    run.exitReason = 2;
    run.io.assign({ port: 0x3f8, size: 1, count: 1, direction: 1 });
    const exit = views.current();
    const io = 'IoAccess { port: 0x3f8, size: 1, count: 1, isWrite: true, data: <00> }';
    expect(inspect(exit).replace(/\s+/g, ' ')).toBe(`KVM_EXIT_IO { reason: 2, io: ${io} }`);
    expect(Object.keys(exit)).toEqual(['reason', 'io']);
    expect(inspect({ exit }, { depth: 0 })).toBe('{ exit: [KVM_EXIT_IO] }');
    run.exitReason = 5;
    expect(inspect(views.current())).toBe('KVM_EXIT_HLT { reason: 5 }');
    run.exitReason = 200;
    expect(inspect(views.current())).toMatch(/^KVM_EXIT_\(200\) \{\s+reason: -1,\s+exitReason: 200,\s+raw: </);
  });

  test('a copy of an access without data', () => {
    expect(inspect(IoAccess.from({ port: 1, size: 1, count: 1 }))).toContain('data: <>');
  });

  test('a CPUID table as rows, and JSON recreates the same table', () => {
    const table = new CpuidTable([
      { function: 1, eax: 0x663, edx: 0x8000_0000 },
      { function: 0xd, index: 1, flags: 1, eax: 0xf },
    ]);
    expect(inspect(table)).toBe(
      [
        'CpuidTable(2) [',
        '  0x1:          eax 00000663 ebx 00000000 ecx 00000000 edx 80000000,',
        '  0xd.1:        eax 0000000f ebx 00000000 ecx 00000000 edx 00000000',
        ']',
      ].join('\n'),
    );
    const again = new CpuidTable(JSON.parse(JSON.stringify(table)));
    expect([...again].every((entry, i) => entry.equals([...table][i] as KvmCpuidEntry2))).toBe(true);
    expect(again).toHaveLength(2);
  });

  test('a descriptor with its number, its backend, and whether it is closed', () => {
    const device = new Device(
      new Descriptor(
        x86,
        recordingBackend(() => 0),
        7,
      ),
      4,
    );
    expect(inspect(device)).toBe("Device { type: 4, fd: 7, backend: 'ffi' }");
    device.close();
    expect(inspect(device)).toBe('Device { type: 4, closed: true }');
  });

  test('the capabilities that the host has, by name', () => {
    const capabilities = new Capabilities(x86.abi, (cap) =>
      cap === Cap.UserMemory ? 1 : cap === Cap.NrMemslots ? 509 : 0,
    );
    const text = '{ KVM_CAP_USER_MEMORY: 1, KVM_CAP_NR_MEMSLOTS: 509 }';
    expect(inspect(capabilities)).toBe(`Capabilities ${text}`);
    expect(JSON.parse(JSON.stringify(capabilities))).toEqual({ KVM_CAP_USER_MEMORY: 1, KVM_CAP_NR_MEMSLOTS: 509 });
    const closed = new Capabilities(x86.abi, () => {
      throw new KvmError('ERR_KVM_CLOSED', 'this Kvm is closed');
    });
    expect(inspect(closed)).toBe('Capabilities [this Kvm is closed]');
  });

  test('a saved state as its parts and their sizes', () => {
    const state = SavedState.of('vcpu', 'x86', [{ name: 'regs', bytes: new Uint8Array(144) }], 3);
    expect(inspect(state)).toMatch(
      /^SavedState \{ kind: 'vcpu', arch: 'x86', id: 3, size: \d+, parts: \{ regs: 144 \} \}$/,
    );
  });
});

onEachBackend('with a host, console.log', (backend) => {
  test('shows the objects of KVM with descriptor and backend, and marks closed ones', () => {
    const guest = realModeGuest(backend, guestImage('pio'));
    const { vm, vcpu, memory } = guest;
    expect(inspect(vm)).toBe(`Vm { fd: ${vm.fd}, backend: '${backend}' }`);
    expect(inspect(vcpu)).toBe(`Vcpu { id: 0, fd: ${vcpu.fd}, backend: '${backend}' }`);
    expect(inspect(memory)).toBe('GuestMemory { size: 0x10000 }');
    expect(inspect(exitOf(vcpu))).toMatch(
      /^KVM_EXIT_IO \{\s+reason: 2,\s+io: IoAccess \{ port: 0x10, .+ data: <11> \}/,
    );
    guest[Symbol.dispose]();
    expect(inspect(vm)).toBe('Vm { closed: true }');
    expect(inspect(vcpu)).toBe('Vcpu { id: 0, closed: true }');
    expect(inspect(memory)).toBe('GuestMemory { size: 0x10000, closed: true }');
  });

  test('shows what an encrypted guest is of', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu } = guest;
    const shownVm = `vm: Vm { fd: ${vm.fd}, backend: '${backend}' }`;
    expect(inspect(vm.sev(7))).toBe(`Sev { ${shownVm}, device: 7 }`);
    expect(inspect(vm.tdx())).toBe(`Tdx { ${shownVm} }`);
    expect(inspect(vcpu.tdx())).toBe(`TdxVcpu { vcpu: Vcpu { id: 0, fd: ${vcpu.fd}, backend: '${backend}' } }`);
    expect(inspect({ sev: vm.sev(7) }, { depth: 0 })).toBe('{ sev: [Sev] }');
  });

  test('shows the values of statistics', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    if (guest.kvm.checkExtension(Cap.BinaryStatsFd) === 0) context.skip('the host lacks KVM_CAP_BINARY_STATS_FD');
    const stats = guest.vcpu.stats();
    expect(inspect(stats)).toMatch(/^Stats \{\s+id: 'kvm-\d+\/vcpu-0',[\s\S]* exits: 0n,/);
    exitOf(guest.vcpu);
    expect(inspect(stats)).toMatch(/ exits: [1-9]\d*n,/);
    guest.vcpu.close();
    expect(inspect(stats)).toMatch(/^Stats \{ id: '.+', closed: true \}$/);
  });

  test('shows capabilities by name, as JSON does', () => {
    const kvm = Kvm.open({ backend });
    const capabilities = kvm.capabilities();
    expect(inspect(kvm)).toBe(`Kvm { fd: ${kvm.fd}, backend: '${backend}' }`);
    expect(inspect(capabilities)).toMatch(/^Capabilities \{[\s\S]*KVM_CAP_USER_MEMORY: 1,/);
    const json = JSON.parse(JSON.stringify(capabilities));
    expect(json.KVM_CAP_USER_MEMORY).toBe(1);
    expect(Object.keys(json)).toEqual([...capabilities].filter(({ value }) => value > 0).map(({ name }) => name));
    using eventfd = kvm.createEventFd();
    expect(inspect(eventfd)).toBe(`EventFd { fd: ${eventfd.fd}, backend: '${backend}' }`);
    kvm.close();
    expect(inspect(kvm)).toBe('Kvm { closed: true }');
  });
});
