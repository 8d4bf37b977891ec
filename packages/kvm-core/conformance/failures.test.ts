import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Kvm as ArmKvm } from '../src/arch/arm64/index.js';
import { Kvm as RiscvKvm } from '../src/arch/riscv/index.js';
import {
  Cap,
  ExitReason,
  KVM_CREATE_IRQCHIP,
  KVM_GET_DIRTY_LOG,
  KVM_GET_REGS,
  KVM_GET_SREGS,
  KVM_RUN,
  KVM_SET_USER_MEMORY_REGION,
  Kvm,
  KvmDirtyLog,
  KvmError,
  KvmRegs,
  KvmUserspaceMemoryRegion,
  SavedState,
} from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { kvmError } from '../test/errors.js';
import { code16 } from './guest/listing.js';
import { type Machine, machine, missing, runTo } from './machine.js';

const { EEXIST, ENOENT, ENOTTY } = constants.errno;

const halt = code16`
  f4  ; hlt
`;

const output = code16`
  e6 10  ; out 0x10, al
  f4     ; hlt
`;

/** For arguments that the types refuse. */
function wrong(value: unknown): never {
  return value as never;
}

/** Does something as another user if this process runs as root. */
function withoutPrivilege<T>(action: () => T): T {
  const nobody = 65534;
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(nobody);
  try {
    return action();
  } finally {
    process.seteuid?.(0);
  }
}

onEachBackend('a failure', (backend) => {
  const withMachine = (visit: (guest: Machine) => void) => {
    using guest = machine(backend, 'real', halt);
    visit(guest);
  };

  test('of the kernel has its errno, the call and a hint: ERR_KVM_SYSCALL', () => {
    withMachine(({ vm, memory }) => {
      const overlap = kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion({ slot: 9, guestPhysAddr: 0n, memory }));
      expect(overlap).toMatchObject({ errno: EEXIST, errnoName: 'EEXIST', ioctl: 'KVM_SET_USER_MEMORY_REGION' });
      expect(overlap.hint).toMatch(/overlaps/);
      const taken = kvmError('ERR_KVM_SYSCALL', () => vm.createVcpu(0));
      expect(taken).toMatchObject({ errno: EEXIST, ioctl: 'KVM_CREATE_VCPU' });
    });
  });

  test('to find KVM behind a path: ERR_KVM_UNAVAILABLE', () => {
    const absent = kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path: '/dev/there is none' }));
    expect(absent.errno).toBe(ENOENT);
    const other = kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path: '/dev/null' }));
    expect(other).toMatchObject({ errno: ENOTTY, ioctl: 'KVM_GET_API_VERSION' });
  });

  test('to be allowed to open it: ERR_KVM_PERMISSION', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvm-conformance-'));
    const path = join(folder, 'kvm');
    writeFileSync(path, '');
    chmodSync(path, 0);
    chmodSync(folder, 0o755);
    try {
      const error = kvmError('ERR_KVM_PERMISSION', () => withoutPrivilege(() => Kvm.open({ backend, path })));
      expect(error.errnoName).toBe('EACCES');
      expect(error.hint).toMatch(/chmod|usermod/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('to match the API version of the kernel: ERR_KVM_API_VERSION', (context) => {
    missing(context, 'a kernel whose KVM speaks another version of the API than 12, which none does since 2.6.22');
  });

  test('to be of this architecture, or to have what the host lacks: ERR_KVM_UNSUPPORTED', () => {
    for (const [open, entry] of [
      [() => ArmKvm.open({ backend }), 'arm64'],
      [() => RiscvKvm.open({ backend }), 'riscv'],
    ] as const) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', open).message).toContain(entry);
    }
  });

  test('of every use after close: ERR_KVM_CLOSED', () => {
    withMachine(({ kvm, vm, vcpu, memory }) => {
      using eventfd = kvm.createEventFd();
      runTo(vcpu, ExitReason.Hlt);
      for (const object of [vcpu, vm, kvm, memory, eventfd]) object.close();
      for (const use of [
        () => vcpu.run(),
        () => vcpu.kick(),
        () => vcpu.getRegs(),
        () => vcpu.kvmRun,
        () => vcpu.fd,
        () => vm.createVcpu(1),
        () => vm.checkExtension(Cap.UserMemory),
        () => kvm.createVm(),
        () => memory.bytes(),
        () => eventfd.write(),
      ]) {
        kvmError('ERR_KVM_CLOSED', use);
      }
    });
  });

  test('to give an argument of the right kind: ERR_KVM_INVALID_ARGUMENT', () => {
    withMachine(({ kvm, vm, vcpu }) => {
      for (const use of [
        () => vcpu.setRegs(wrong(7)),
        () => vcpu.setRegs(wrong({ nonsense: 1n })),
        () => vcpu.ioctl(wrong(KVM_CREATE_IRQCHIP), wrong(undefined)),
        () => vcpu.ioctl(KVM_GET_SREGS, wrong(new KvmRegs())),
        () => vcpu.ioctl(wrong({ ...KVM_GET_REGS }), wrong(new KvmRegs())),
        () => vm.setUserMemoryRegion(wrong(null)),
        () => kvm.allocateMemory(wrong(undefined)),
      ]) {
        kvmError('ERR_KVM_INVALID_ARGUMENT', use);
      }
    });
  });

  test('to stay within a range: ERR_KVM_OUT_OF_RANGE, before the kernel sees it', () => {
    withMachine(({ kvm, vm, vcpu, memory }) => {
      const before = vcpu.getRegs();
      for (const use of [
        () => vcpu.setRegs({ rax: 1n << 64n }),
        () => vcpu.setRegs({ rax: -1n }),
        () => vcpu.setRegs({ rax: wrong(1) }),
        () => vm.createVcpu(-1),
        () => vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x10_0001n, memory }),
        () => vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0x10_0000n, memory, size: 100 }),
        () => kvm.checkExtension(2 ** 32),
        () => kvm.allocateMemory({ size: 4097 }),
        () => memory.read(memory.size, 1),
        () => memory.bytes(-1, 1),
      ]) {
        const error = kvmError('ERR_KVM_OUT_OF_RANGE', use);
        expect(error.errno).toBeUndefined();
      }
      expect(vcpu.getRegs().equals(before)).toBe(true);
    });
  });

  test('to make a raw call that carries an address: ERR_KVM_UNSAFE', () => {
    withMachine(({ vm, vcpu }) => {
      const region = KvmUserspaceMemoryRegion.from({ slot: 3, memorySize: 4096n, userspaceAddr: 4096n });
      for (const [name, use] of [
        ['KVM_SET_USER_MEMORY_REGION', () => vm.ioctl(KVM_SET_USER_MEMORY_REGION, region)],
        ['KVM_GET_DIRTY_LOG', () => vm.ioctl(KVM_GET_DIRTY_LOG, new KvmDirtyLog())],
        ['KVM_RUN', () => vcpu.ioctl(KVM_RUN)],
        ['KVM_ENABLE_CAP', () => vcpu.enableCap(Cap.HyperVEnlightenedVmcs, [4096n])],
      ] as const) {
        expect(kvmError('ERR_KVM_UNSAFE', use).ioctl).toBe(name);
      }
    });
  });

  test('to find a backend of that name: ERR_KVM_BACKEND', () => {
    const error = kvmError('ERR_KVM_BACKEND', () => Kvm.open({ backend: wrong('fast') }));
    expect(error.hint).toMatch(/native and ffi/);
  });

  test('of a saved state that is damaged or does not fit: ERR_KVM_STATE', () => {
    withMachine(({ kvm, vm, vcpu }) => {
      kvmError('ERR_KVM_STATE', () => SavedState.from(new Uint8Array(64)));
      const bytes = vcpu.save().toBytes();
      kvmError('ERR_KVM_STATE', () => SavedState.from(bytes.subarray(0, -1)));
      using other = kvm.createVm();
      kvmError('ERR_KVM_STATE', () => other.restore(SavedState.from(bytes)));
      expect(kvmError('ERR_KVM_STATE', () => vm.restore(vm.save([vcpu]))).message).toMatch(/a VM without memory/);
    });
  });

  test('of handlers that lack one for an exit: ERR_KVM_HANDLER', async () => {
    using guest = machine(backend, 'real', output);
    const running = guest.vm.start({ vcpus: [guest.vcpu], handlers: 'data:text/javascript,' });
    const error = await running.done.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(KvmError);
    expect(error).toMatchObject({ code: 'ERR_KVM_HANDLER', hint: expect.stringContaining('io') });
  });

  test('is an Error, a KvmError, and reads as one', () => {
    const error = kvmError('ERR_KVM_UNAVAILABLE', () => Kvm.open({ backend, path: '/dev/null' }));
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(KvmError);
    expect([error.name, String(error)]).toEqual(['KvmError', `KvmError: ${error.message}`]);
  });
});
