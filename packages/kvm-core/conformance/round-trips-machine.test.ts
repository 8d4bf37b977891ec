import { expect, test } from 'vitest';
import { Cap, IrqChipId, type KvmPitState2, XenAttrType, XenHvmConfigFlag, XenVcpuAttrType } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { machine, missing, needs, type Skipping } from './machine.js';
import { expectRoundTrip } from './round-trip.js';

const halt = code64`
  f4  ; hlt
`;

onEachBackend('a machine returns what was set:', (backend) => {
  const begin = (context: Skipping, ...caps: number[]) => {
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

  test.for([
    ['first', IrqChipId.PicMaster],
    ['second', IrqChipId.PicSlave],
  ] as const)('the %s PIC', ([, id], context) => {
    using guest = withApic(context);
    expectRoundTrip(guest, {
      get: ({ vm }) => vm.getIrqChip(id),
      change: (pic) => {
        pic.assign({ imr: 0xa5, irqBase: 0x40, elcr: 0x20, specialMask: 1, autoEoi: 1, priorityAdd: 3, isr: 2 });
      },
      set: ({ vm }, pic) => vm.setIrqChip(id, pic),
    });
  });

  test('the I/O APIC', (context) => {
    using guest = withApic(context);
    expectRoundTrip(guest, {
      get: ({ vm }) => vm.getIrqChip(IrqChipId.Ioapic),
      change: (ioapic) => {
        ioapic.id = 5;
        ioapic.ioregsel = 0x10;
        ioapic.redirtbl.forEach((entry, pin) => {
          entry.bits = 0x0100_0000_0001_8000n | BigInt(0x30 + pin);
        });
      },
      set: ({ vm }, ioapic) => vm.setIrqChip(IrqChipId.Ioapic, ioapic),
    });
  });

  test('the timer', (context) => {
    using guest = withApic(context, Cap.Pit2, Cap.PitState2);
    guest.vm.createPit2();
    // The kernel records when a channel began to count.
    const withoutTime = (state: KvmPitState2) => {
      for (const channel of state.channels) channel.countLoadTime = 0n;
      return state;
    };
    expectRoundTrip(guest, {
      get: ({ vm }) => withoutTime(vm.getPit2()),
      change: ({ channels }) => {
        channels[0]?.assign({ count: 0x4a9, mode: 2, rwMode: 3, gate: 1 });
        channels[2]?.assign({ count: 0x1234, mode: 3, rwMode: 3, gate: 0 });
      },
      set: ({ vm }, state) => vm.setPit2(state),
    });
  });

  test('the timer of the older call', (context) => {
    using guest = withApic(context, Cap.Pit);
    guest.vm.createPit();
    guest.vm.setPit({ channels: [{ count: 0x4a9, mode: 2, rwMode: 3, gate: 1 }] });
    expect(guest.vm.getPit().channels[0]).toMatchObject({ count: 0x4a9, mode: 2, rwMode: 3, gate: 1 });
  });

  test('the clock, which continues from there', (context) => {
    using guest = begin(context, Cap.AdjustClock);
    const hour = 3_600_000_000_000n;
    for (const clock of [5n * hour, hour]) {
      guest.vm.setClock({ clock });
      const read = guest.vm.getClock().clock;
      expect(read).toBeGreaterThanOrEqual(clock);
      expect(read).toBeLessThan(clock + hour);
    }
  });

  test('the TSC frequency of vCPUs created later', (context) => {
    using guest = begin(context, Cap.VmTscControl);
    const { vm } = guest;
    for (const khz of [vm.getTscKhz() + 1000, vm.getTscKhz()]) {
      vm.setTscKhz(khz);
      expect(vm.getTscKhz()).toBe(khz);
    }
  });

  test('the attributes of Xen', (context) => {
    using guest = begin(context, Cap.XenHvm);
    const { vm } = guest;
    if ((vm.checkExtension(Cap.XenHvm) & XenHvmConfigFlag.SharedInfo) === 0) {
      missing(context, 'KVM_CAP_XEN_HVM lacks XenHvmConfigFlag.SharedInfo');
    }
    for (const longMode of [1, 0]) {
      vm.setXenHvmAttr({ type: XenAttrType.LongMode, u: { longMode } });
      expect(vm.getXenHvmAttr(XenAttrType.LongMode).u.longMode).toBe(longMode);
    }
  });

  test('the id that Xen gives a processor', (context) => {
    using guest = begin(context, Cap.XenHvm);
    const { vm, vcpu } = guest;
    if ((vm.checkExtension(Cap.XenHvm) & XenHvmConfigFlag.EvtchnSend) === 0) {
      missing(context, 'KVM_CAP_XEN_HVM lacks XenHvmConfigFlag.EvtchnSend');
    }
    for (const vcpuId of [3, 4]) {
      vcpu.setXenVcpuAttr({ type: XenVcpuAttrType.VcpuId, u: { vcpuId } });
      expect(vcpu.getXenVcpuAttr(XenVcpuAttrType.VcpuId).u.vcpuId).toBe(vcpuId);
    }
  });
});
