import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { interruptible, Port } from '../../../../test/interruptible.js';
import { exitOf } from '../../../../test/run.js';
import {
  ExitReason,
  IrqChipId,
  KVM_IOAPIC_NUM_PINS,
  KvmIoapicState,
  KvmPicState,
  MpState,
  PitFlag,
  PitStateFlag,
} from '../../../abi/x86/index.js';
import { Kvm } from '../kvm.js';
import { LapicRegister } from '../lapic.js';

const { EBUSY, EEXIST, ENXIO } = constants.errno;

onEachBackend('the interrupt controllers of a PC', (backend) => {
  test('can each be read and set, with their own types', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    const master = vm.getIrqChip(IrqChipId.PicMaster);
    expect(master).toBeInstanceOf(KvmPicState);
    master.assign({ irqBase: 0x20, imr: 0xfb });
    vm.setIrqChip(IrqChipId.PicMaster, master);
    vm.setIrqChip(IrqChipId.PicSlave, { irqBase: 0x28, imr: 0xff });
    expect(vm.getIrqChip(IrqChipId.PicMaster)).toMatchObject({ irqBase: 0x20, imr: 0xfb });
    expect(vm.getIrqChip(IrqChipId.PicSlave)).toMatchObject({ irqBase: 0x28, imr: 0xff });
    const ioapic = vm.getIrqChip(IrqChipId.Ioapic);
    expect(ioapic).toBeInstanceOf(KvmIoapicState);
    expect([ioapic.baseAddress, ioapic.redirtbl.length]).toEqual([0xfec0_0000n, KVM_IOAPIC_NUM_PINS]);
    const pin = ioapic.redirtbl[5]?.fields;
    expect(pin?.mask).toBe(1);
    pin?.assign({ vector: 0x45, mask: 0, trigMode: 1, destId: 3 });
    vm.setIrqChip(IrqChipId.Ioapic, ioapic);
    const after = vm.getIrqChip(IrqChipId.Ioapic).redirtbl[5]?.fields;
    expect(after).toMatchObject({ vector: 0x45, mask: 0, trigMode: 1, destId: 3 });
  });

  test('refuse unknown ids, and the state of another controller', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.getIrqChip(3 as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getIrqChip('pic' as never));
    for (const use of [
      () => vm.setIrqChip(IrqChipId.PicMaster, new KvmIoapicState() as never),
      () => vm.setIrqChip(IrqChipId.Ioapic, new KvmPicState() as never),
      () => vm.setIrqChip(IrqChipId.PicMaster, { redirtbl: [] } as never),
      () => vm.setIrqChip(IrqChipId.PicMaster, undefined as never),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
  });

  test('come with a timer whose channels can be read and set', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    for (const use of [
      () => vm.getPit(),
      () => vm.setPit({}),
      () => vm.getPit2(),
      () => vm.setPit2({}),
      () => vm.reinjectControl(true),
    ]) {
      const error = kvmError('ERR_KVM_SYSCALL', use);
      expect(error.errno).toBe(ENXIO);
      expect(error.hint).toMatch(/createPit2/);
    }
    vm.createPit2({ flags: PitFlag.SpeakerDummy });
    const state = vm.getPit2();
    state.channels[2]?.assign({ count: 0x4321, mode: 3, rwMode: 3, gate: 1 });
    state.flags = PitStateFlag.HpetLegacy;
    vm.setPit2(state);
    const after = vm.getPit2();
    expect(after.channels[2]).toMatchObject({ count: 0x4321, mode: 3, rwMode: 3, gate: 1 });
    expect(after.flags).toBe(PitStateFlag.HpetLegacy);
    const older = vm.getPit();
    expect(older.channels[2]?.count).toBe(0x4321);
    older.channels[2]?.assign({ count: 0x1234 });
    vm.setPit(older);
    expect(vm.getPit().channels[2]?.count).toBe(0x1234);
    vm.reinjectControl(false);
    vm.reinjectControl(true);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.reinjectControl(1 as never));
  });

  test('come with a timer that ticks', () => {
    using guest = interruptible(backend, (vm) => {
      vm.createIrqChip();
      vm.createPit2();
    });
    guest.vm.setIrqChip(IrqChipId.PicMaster, { irqBase: 0x20, imr: 0xfe });
    expect(guest.next()[0]).toBe(Port.Ready);
    const state = guest.vm.getPit2();
    state.channels[0]?.assign({ count: 0x1000, mode: 2, rwMode: 3, gate: 1 });
    guest.vm.setPit2(state);
    // On a slow host the next tick comes before the guest waits for it.
    for (let ticks = 0; ticks < 3; ) {
      const [port, vector] = guest.next();
      if (port !== Port.Taken) continue;
      expect(vector).toBe(0x20);
      ticks++;
    }
  });

  test('can be split: the end of a level-triggered interrupt is then an exit', () => {
    using guest = interruptible(backend, (vm) => vm.createSplitIrqChip(24));
    // out Taken, al; mov dword fs:[0xb0], 0; out Ended, al; iret
    const end = [0x64, 0x66, 0xc7, 0x06, 0xb0, 0x00, 0, 0, 0, 0];
    guest.memory.write(0x3800, Uint8Array.from([0xe6, Port.Taken, ...end, 0xe6, Port.Ended, 0xcf]));
    guest.memory.write(0x71 * 4, Uint8Array.of(0x00, 0x38, 0, 0));
    const { vm, vcpu } = guest;
    const sregs = vcpu.getSregs();
    sregs.fs.base = 0xfee0_0000n;
    vcpu.setSregs(sregs);
    const lapic = vcpu.getLapic();
    lapic.set(LapicRegister.Svr, 0x1ff);
    vcpu.setLapic(lapic);
    const levelAsserted = 0xc000;
    vm.setGsiRouting([{ gsi: 7, msi: { address: 0xfee0_0000n, data: levelAsserted | 0x71 } }]);
    expect(guest.next()[0]).toBe(Port.Ready);
    vm.irqLine(7, true);
    expect(guest.next()[0]).toBe(Port.Taken);
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.IoapicEoi) throw new Error(`exit reason ${exit.reason}`);
    expect(exit.eoi.vector).toBe(0x71);
    expect(guest.next()[0]).toBe(Port.Ended);
  });

  test('come with a timer from the older call too', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    vm.createPit();
    const again = kvmError('ERR_KVM_SYSCALL', () => vm.createPit());
    expect(again).toMatchObject({ errno: EEXIST, ioctl: 'KVM_CREATE_PIT' });
    expect(vm.getPit().channels).toHaveLength(3);
  });

  test('know which vCPU is the bootstrap processor', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    vm.setBootCpuId(1);
    using first = vm.createVcpu(0);
    using second = vm.createVcpu(1);
    expect([first.getMpState(), second.getMpState()]).toEqual([MpState.Uninitialized, MpState.Runnable]);
    const late = kvmError('ERR_KVM_SYSCALL', () => vm.setBootCpuId(0));
    expect(late).toMatchObject({ errno: EBUSY, ioctl: 'KVM_SET_BOOT_CPU_ID' });
    expect(late.hint).toMatch(/before the first vCPU/);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setBootCpuId(-1));
  });

  test('are refused once the VM is closed', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    vm.close();
    for (const use of [
      () => vm.createSplitIrqChip(24),
      () => vm.getIrqChip(IrqChipId.Ioapic),
      () => vm.setIrqChip(IrqChipId.PicMaster, {}),
      () => vm.createPit(),
      () => vm.getPit(),
      () => vm.setPit({}),
      () => vm.getPit2(),
      () => vm.setPit2({}),
      () => vm.reinjectControl(true),
      () => vm.setBootCpuId(0),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});
