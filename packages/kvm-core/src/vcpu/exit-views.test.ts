import { describe, expect, test } from 'vitest';
import { archNames } from '../../test/architectures.js';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { guestImage } from '../../test/guests.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import type * as abi from '../abi/x86/index.js';
import { ExitReason, type KvmRun } from '../abi/x86/index.js';
import type { Architecture } from '../arch/architecture.js';
import { x86 } from '../arch/x86/architecture.js';
import { type Exit, exitMakers, type IoExit } from '../arch/x86/exit.js';
import { Kvm } from '../arch/x86/kvm.js';
import { enterMode } from '../arch/x86/mode.js';
import type { Vcpu } from '../arch/x86/vcpu/vcpu.js';
import { KvmError } from '../errors/kvm-error.js';
import { exitReasonName } from '../index.js';
import { type AnyExit, type ExitMakers, ExitViews, type MmioExit, unrecognised } from './exit-views.js';
import type { RunState } from './run-state.js';

function io(exit: Exit): IoExit['io'] {
  if (exit.reason !== ExitReason.Io) throw new Error(`not an Io exit: ${exit.reason}`);
  return exit.io;
}

function mmio(exit: Exit): MmioExit['mmio'] {
  if (exit.reason !== ExitReason.Mmio) throw new Error(`not an Mmio exit: ${exit.reason}`);
  return exit.mmio;
}

/** The elements that an `outs` writes, even if the host splits it over several exits. */
function outString(vcpu: Vcpu, port: number, length: number): number[] {
  const bytes: number[] = [];
  while (bytes.length < length) {
    const access = io(exitOf(vcpu));
    expect([access.port, access.size, access.isWrite]).toEqual([port, 1, true]);
    expect(access.data).toHaveLength(access.count);
    bytes.push(...access.data);
  }
  return bytes;
}

onEachBackend('an exit', (backend) => {
  test('of port I/O has size, count, direction and data, in both directions', () => {
    using guest = realModeGuest(backend, guestImage('pio'));
    const { vcpu, memory } = guest;
    for (const [port, size, value] of [
      [0x10, 1, 0x11],
      [0x12, 2, 0x2233],
      [0x14, 4, 0x44556677],
    ] as const) {
      const access = io(exitOf(vcpu));
      expect([access.port, access.size, access.count, access.isWrite, access.value]).toEqual([
        port,
        size,
        1,
        true,
        value,
      ]);
      expect(access.data).toHaveLength(size);
    }
    for (const [port, size, value] of [
      [0x10, 1, 0xa1],
      [0x12, 2, 0xb1b2],
      [0x14, 4, 0xc1c2c3c4],
    ] as const) {
      const read = io(exitOf(vcpu));
      expect([read.port, read.size, read.count, read.isWrite]).toEqual([port, size, 1, false]);
      read.value = value;
      const echoed = io(exitOf(vcpu));
      expect([echoed.port, echoed.size, echoed.value]).toEqual([0x18, size, value]);
    }
    expect(outString(vcpu, 0x20, 5)).toEqual([...Buffer.from('hello')]);
    for (let answered = 0; answered < 4; ) {
      const access = io(exitOf(vcpu));
      expect([access.port, access.size, access.isWrite]).toEqual([0x22, 1, false]);
      for (let i = 0; i < access.count; i++) access.data[i] = 0x70 + answered++;
    }
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    expect([...memory.read(0x2000, 4)]).toEqual([0x70, 0x71, 0x72, 0x73]);
  });

  test('of MMIO has address, length and data, in both directions', () => {
    using guest = realModeGuest(backend, guestImage('mmio'));
    const { vcpu } = guest;
    for (const [address, len, value] of [
      [0xd0000n, 1, 0x11],
      [0xd0002n, 2, 0x2233],
      [0xd0004n, 4, 0x44556677],
    ] as const) {
      const access = mmio(exitOf(vcpu));
      expect([access.physAddr, access.len, access.isWrite, access.value32]).toEqual([address, len, true, value]);
      expect(access.value).toBe(BigInt(value));
      expect(access.address).toBe(Number(address));
      expect(access.data.length).toBe(len);
      expect(Buffer.from(access.data).readUIntLE(0, len)).toBe(value);
      expect(access.data).toBe(access.data);
    }
    for (const [address, len, value] of [
      [0xd0008n, 1, 0xa1],
      [0xd000an, 2, 0xb1b2],
      [0xd000cn, 4, 0xc1c2c3c4],
    ] as const) {
      const read = mmio(exitOf(vcpu));
      expect([read.physAddr, read.len, read.isWrite]).toEqual([address, len, false]);
      if (len === 2) read.value = BigInt(value);
      else read.value32 = value;
      expect(io(exitOf(vcpu)).value).toBe(value);
    }
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('can be answered with all ones for every size', () => {
    // mov ax, 0xd000; mov ds, ax; xor eax, eax; in al, 0x40; in ax, 0x40; in eax, 0x40;
    // mov bl, [0]; mov cx, [0]; mov edx, [0]; hlt
    const code = [
      ...[0xb8, 0x00, 0xd0, 0x8e, 0xd8, 0x66, 0x31, 0xc0, 0xe4, 0x40, 0xe5, 0x40, 0x66, 0xe5, 0x40],
      ...[0x8a, 0x1e, 0x00, 0x00, 0x8b, 0x0e, 0x00, 0x00, 0x66, 0x8b, 0x16, 0x00, 0x00, 0xf4],
    ];
    using guest = realModeGuest(backend, code);
    const { vcpu } = guest;
    const lengths: number[] = [];
    for (let exit = exitOf(vcpu); exit.reason !== ExitReason.Hlt; exit = exitOf(vcpu)) {
      const { data } = exit.reason === ExitReason.Io ? exit.io : mmio(exit);
      lengths.push(data.length);
      data.fill(0xff);
    }
    expect(lengths).toEqual([1, 2, 4, 1, 2, 4]);
    const { rax, rbx, rcx, rdx } = vcpu.getRegs();
    expect([rax, rbx & 0xffn, rcx & 0xffffn, rdx]).toEqual([0xffff_ffffn, 0xffn, 0xffffn, 0xffff_ffffn]);
  });

  test('of MMIO may have 8 bytes', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x20000 });
    memory.write(0x1000, guestImage('mmio64'));
    vm.mapMemory(memory, 0n);
    using vcpu = vm.createVcpu(0);
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    enterMode(vcpu, 'long', { memory, entry: 0x1000n, stackTop: 0x8000n, tables: 0x10000n });
    const written = mmio(exitOf(vcpu));
    expect([written.address, written.len, written.isWrite]).toEqual([0xd0000000, 8, true]);
    expect(written.value).toBe(0x1122334455667788n);
    expect(written.value32).toBe(0x55667788);
    expect([...written.data]).toEqual([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
  });

  test('refuses a value that does not fit the read', () => {
    // in al, 0x40; hlt
    using guest = realModeGuest(backend, [0xe4, 0x40, 0xf4]);
    const access = io(exitOf(guest.vcpu));
    for (const value of [256, -1, 0.5, Number.NaN, '7', 1n]) {
      expect(() => {
        access.value = value as number;
      }).toThrow(KvmError);
    }
    expect(() => access.setElement(1, 0)).toThrow(KvmError);
    access.value = 255;
    exitOf(guest.vcpu);
    expect(guest.vcpu.getRegs().rax).toBe(0xffn);
    using other = realModeGuest(backend, guestImage('mmio').slice(0));
    for (let i = 0; i < 3; i++) exitOf(other.vcpu);
    const read = mmio(exitOf(other.vcpu));
    expect([read.isWrite, read.len]).toEqual([false, 1]);
    for (const value of [256n, -1n, 1n << 70n, 5]) {
      expect(() => {
        read.value = value as bigint;
      }).toThrow(KvmError);
    }
    for (const value of [256, -1, 0.5, Number.NaN, '7', 2 ** 40]) {
      expect(() => {
        read.value32 = value as number;
      }).toThrow(KvmError);
    }
  });

  test('is always the same object for a reason', () => {
    // out 0x10, al; out 0x11, al; hlt; jmp -4
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xe6, 0x11, 0xf4, 0xeb, 0xf9]);
    const seen = new Set<Exit>();
    const ports: number[] = [];
    for (let i = 0; i < 30; i++) {
      const exit = exitOf(guest.vcpu);
      seen.add(exit);
      if (exit.reason === ExitReason.Io) ports.push(exit.io.port);
    }
    expect(seen.size).toBe(2);
    expect(ports.slice(0, 4)).toEqual([0x10, 0x11, 0x10, 0x11]);
    const data = io(exitOf(guest.vcpu)).data;
    let again = exitOf(guest.vcpu);
    while (again.reason !== ExitReason.Io) again = exitOf(guest.vcpu);
    expect(again.io.data).toBe(data);
  });

  test('cannot be answered once the vCPU is closed, and the error tells why', () => {
    using guest = realModeGuest(backend, [0xe4, 0x10, 0xf4]);
    const access = io(exitOf(guest.vcpu));
    access.value = 1;
    expect([access.value, access.data[0]]).toEqual([1, 1]);
    guest.vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => {
      access.value = 1;
    });
    kvmError('ERR_KVM_CLOSED', () => access.setElement(0, 1));
    kvmError('ERR_KVM_CLOSED', () => access.element(0));
    expect([access.count, access.data.length]).toEqual([0, 0]);
  });

  test('has no data once its buffer was transferred away, and the error tells why', (context) => {
    using guest = realModeGuest(backend, [0xe4, 0x10, 0xf4]);
    const access = io(exitOf(guest.vcpu));
    // Node has it since 22; TypeScript's library is older.
    const buffer = access.data.buffer as ArrayBufferLike & { transfer?(): ArrayBuffer };
    if (buffer.transfer === undefined) return context.skip('buffers cannot be transferred here');
    buffer.transfer();
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => access.data);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => access.value);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => {
      access.value = 1;
    });
  });

  test('of a triple fault is a shutdown', () => {
    using guest = realModeGuest(backend, guestImage('shutdown'));
    enterMode(guest.vcpu, 'protected', { memory: guest.memory, entry: 0x1000n, stackTop: 0x8000n, tables: 0x8000n });
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Shutdown);
  });
});

describe('the exits of the headers', () => {
  /** A run state without a guest. */
  function stateOf(reason: number, arch: Architecture = x86): RunState & { run: KvmRun } {
    const bytes = new Uint8Array(0x3000);
    const run = arch.abi.KvmRun.at(bytes) as KvmRun;
    run.exitReason = reason;
    return { arch, run, bytes, address: 0, length: bytes.length };
  }

  test.each(archNames)('of %s all have a view, and every member of the union belongs to one', async (name) => {
    const { [name]: arch } = (await import(`../arch/${name}/architecture.ts`)) as Record<
      string,
      Architecture<typeof abi>
    >;
    const { exitMakers: table } = (await import(`../arch/${name}/exit.ts`)) as { exitMakers: ExitMakers<AnyExit> };
    if (arch === undefined) throw new Error(`${name} has no architecture`);
    const { ExitReason, exitViews, KvmRun } = arch.abi;
    const members = new Set<string>();
    for (const reason of Object.values(ExitReason)) {
      const exit = new ExitViews(stateOf(reason, arch), table).current();
      expect(exit.reason, exitReasonName(reason)).toBe(reason);
      for (const member of Object.keys(exit)) members.add(member);
    }
    const run = new KvmRun();
    const union = run.padding;
    const inUnion = KvmRun.fields.filter((field) => {
      const view = (run as unknown as Record<string, unknown>)[field];
      const bytes = (view as { bytes?: Uint8Array }).bytes;
      return bytes !== undefined && bytes.byteOffset === union.byteOffset;
    });
    for (const member of inUnion) expect([...members], member).toContain(member);
    expect(Object.keys(exitViews)).toHaveLength(Object.values(ExitReason).length);
  });

  test('of a string instruction reuse a view of its data until the data moves', () => {
    const state = stateOf(ExitReason.Io);
    state.run.io.assign({ size: 2, count: 40, dataOffset: 0x1000n });
    const access = io(new ExitViews(state, exitMakers).current());
    const whole = access.data;
    access.setElement(39, 0x1234);
    expect([access.data, access.element(39), whole.length]).toEqual([whole, 0x1234, 80]);
    expect(access.data).toBe(whole);
    access.count = 30;
    expect(access.data).toHaveLength(60);
    access.count = 40;
    access.dataOffset = 0x1100n;
    expect(access.element(39)).toBe(0);
    access.assign({ size: 4, count: 1 });
    expect(access.data).toHaveLength(4);
    for (const index of [1, 99, -1, 0.5]) kvmError('ERR_KVM_OUT_OF_RANGE', () => access.element(index));
  });

  test('of a newer kernel carry the raw bytes', () => {
    const state = stateOf(200);
    state.run.padding[5] = 7;
    const exit = new ExitViews(state, exitMakers).current();
    if (exit.reason !== unrecognised) throw new Error(`exit reason ${exit.reason}`);
    expect([exit.exitReason, exit.raw.length, exit.raw[5]]).toEqual([200, 256, 7]);
  });
});
