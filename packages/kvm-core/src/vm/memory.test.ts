import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { Cap, MemoryAttribute, MemoryFlag } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import type { Vm } from '../arch/x86/vm/vm.js';
import type { Slot } from '../ioctl/descriptor.js';
import { pageSize } from '../memory/page-size.js';

const { EINVAL, ENOENT } = constants.errno;

/** The slots that a Vm knows. */
function slotsOf(vm: Vm): object[] {
  const { slots } = (vm as unknown as { facts: { slots: ReadonlyMap<number, Slot> } }).facts;
  return [...slots].map(([slot, { release, share, ...rest }]) => ({ slot, ...rest }));
}

onEachBackend('the memory of a VM', (backend) => {
  test('is recorded slot by slot, as the kernel has it', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 4 * pageSize });
    const flags = MemoryFlag.LogDirtyPages;
    vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0x10000n, memory, offset: pageSize, size: 2 * pageSize, flags });
    const pages = memory.bytes(pageSize, 2 * pageSize);
    const slot = { slot: 3, guestPhysAddr: 0x10000n, size: 2 * pageSize, flags, address: expect.any(Number), pages };
    expect(slotsOf(vm)).toEqual([slot]);
    // Move the slot, and then change its flags.
    vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n, memory, offset: pageSize, size: 2 * pageSize });
    expect(slotsOf(vm)).toEqual([{ ...slot, guestPhysAddr: 0n, flags: 0 }]);
    kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion({ slot: 4, guestPhysAddr: 0n, memory }));
    expect(slotsOf(vm)).toHaveLength(1);
    vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n });
    expect(slotsOf(vm)).toEqual([]);
    const nothing = kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion({ slot: 3, guestPhysAddr: 0n }));
    expect(nothing.hint).toMatch(/nothing in the slot to delete/);
  });

  test('is that of the GuestMemory, even if its methods are replaced', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: pageSize });
    for (const wrong of [null, memory.bytes(), memory.share(), new SharedArrayBuffer(pageSize), {}] as never[]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.mapMemory(wrong, 0n));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: wrong }));
    }
    expect(slotsOf(vm)).toEqual([]);
    for (const offset of [Symbol.iterator, {}, '0']) {
      const region = { slot: 0, guestPhysAddr: 0n, memory, offset: offset as never };
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setUserMemoryRegion(region));
    }
  });

  test('releases the memory if the kernel refuses a slot', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using other = kvm.allocateMemory({ size: pageSize });
    const memory = kvm.allocateMemory({ size: pageSize });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory: other });
    const view = memory.bytes().fill(7);
    kvmError('ERR_KVM_SYSCALL', () => vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 0n, memory }));
    memory.close();
    expect(view[0]).toBe(0);
  });

  test('has a second address space, or an error names the missing capability', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: pageSize });
    const inSpace = (space: number) => () =>
      vm.setUserMemoryRegion({ slot: space * 0x10000, guestPhysAddr: 0n, memory });
    inSpace(0)();
    const spaces = vm.checkExtension(Cap.MultiAddressSpace);
    if (spaces > 1) {
      inSpace(1)();
      kvmError('ERR_KVM_OUT_OF_RANGE', inSpace(spaces));
    } else {
      expect(kvmError('ERR_KVM_UNSUPPORTED', inSpace(1)).message).toContain('KVM_CAP_MULTI_ADDRESS_SPACE');
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setUserMemoryRegion({ slot: 2 ** 32, guestPhysAddr: 0n, memory }));
    for (const wrong of [{ offset: 4096n }, { offset: -4096 }, { offset: 0.5 }, { flags: 1n }, { size: 4096n }]) {
      const region = { slot: 2, guestPhysAddr: 0n, memory, ...wrong } as never;
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setUserMemoryRegion(region));
    }
  });

  test('can be private or shared, if the host has memory attributes', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const range = { address: 0n, size: BigInt(pageSize), attributes: 0n };
    if (vm.checkExtension(Cap.MemoryAttributes) > 0) {
      vm.setMemoryAttributes({ ...range, attributes: MemoryAttribute.Private });
      vm.setMemoryAttributes(range);
      expect(kvmError('ERR_KVM_SYSCALL', () => vm.setMemoryAttributes({ ...range, size: 0n })).errno).toBe(EINVAL);
    } else {
      const isPrivate = { ...range, attributes: MemoryAttribute.Private };
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.setMemoryAttributes(isPrivate));
      expect(error.message).toContain('KVM_CAP_MEMORY_ATTRIBUTES');
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMemoryAttributes({ ...range, address: 1n }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMemoryAttributes({ ...range, size: 1n }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setMemoryAttributes({ ...range, attributes: -1n }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMemoryAttributes({ ...range, address: '0' as never }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.setMemoryAttributes(undefined as never));
  });

  test('is mapped before the guest accesses it, if the host supports this', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu, memory } = guest;
    if (guest.kvm.checkExtension(Cap.PreFaultMemory) > 0) {
      vcpu.preFaultMemory(0n, BigInt(memory.size));
      expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.preFaultMemory(1n << 32n, BigInt(pageSize))).errno).toBe(ENOENT);
    } else {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.preFaultMemory(0n, BigInt(memory.size)));
      expect(error.message).toContain('KVM_CAP_PRE_FAULT_MEMORY');
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.preFaultMemory(1n, BigInt(pageSize)));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.preFaultMemory(0n, 1n));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.preFaultMemory('0' as never, 1n));
  });

  test('has a settable number of shadow page tables', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.setNrMmuPages(1000);
    const few = kvmError('ERR_KVM_SYSCALL', () => vm.setNrMmuPages(63));
    expect(few).toMatchObject({ errno: EINVAL, ioctl: 'KVM_SET_NR_MMU_PAGES' });
    expect(few.hint).toMatch(/64/);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setNrMmuPages(-1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setNrMmuPages(2 ** 32));
  });

  test('returns the number of shadow page tables, on kernels with that ioctl', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.setNrMmuPages(1000);
    let count: number;
    try {
      count = vm.getNrMmuPages();
    } catch {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.getNrMmuPages());
      expect(error.hint).toMatch(/newer kernels do not report it/);
      return;
    }
    expect(count).toBe(1000);
  });
});
