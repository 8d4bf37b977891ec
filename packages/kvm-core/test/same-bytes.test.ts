import { format } from 'node:util';
import { expect, test } from 'vitest';
import { DeviceType, ExitReason, IrqChipId } from '../src/abi/x86/index.js';
import { Kvm } from '../src/arch/x86/kvm.js';
import type { BackendName } from '../src/backend/backend.js';
import { backendNames } from '../src/backend/select.js';
import { KvmError } from '../src/errors/kvm-error.js';
import { allCaps, exitReasonName } from '../src/index.js';
import type { Struct } from '../src/struct/struct.js';
import { describeUnless, whyNot } from './backends.js';
import { guestImage } from './guests.js';
import { realModeGuest } from './real-mode.js';
import { exitOf } from './run.js';

function hex(struct: Struct): string {
  return Buffer.from(struct.bytes).toString('hex');
}

/** A transcript of a guest and the calls around it. Nothing in it depends on time or on the load of the host. */
function transcript(backend: BackendName, image: string): string[] {
  using guest = realModeGuest(backend, guestImage(image));
  const { kvm, vm, vcpu, memory } = guest;
  const lines = [
    `capabilities ${allCaps().map((cap) => kvm.checkExtension(cap))}`,
    `of the VM ${allCaps().map((cap) => vm.checkExtension(cap))}`,
    `msrs ${kvm.getMsrIndexList()} features ${kvm.getMsrFeatureIndexList()}`,
    // The leaves contain the APIC id of the host's CPU, which differs from run to run.
    `cpuid ${kvm
      .getSupportedCpuid()
      .filter((entry) => ![0x1, 0xb, 0x1f, 0x8000001e].includes(entry.function))
      .map(hex)}`,
    `regs ${hex(vcpu.getRegs())} sregs ${hex(vcpu.getSregs())} fpu ${hex(vcpu.getFpu())}`,
  ];
  for (let i = 0; i < 64; i++) {
    const exit = exitOf(vcpu);
    lines.push(`${exitReasonName(exit.reason)} ${JSON.stringify(exit)}`);
    if (exit.reason === ExitReason.Io) {
      lines.push(`  data ${exit.io.data}`);
      if (!exit.io.isWrite) exit.io.data.fill(0x5a);
    } else if (exit.reason === ExitReason.Mmio) {
      if (!exit.mmio.isWrite) exit.mmio.value = BigInt.asUintN(8 * exit.mmio.len, 0x1122334455667788n);
    } else {
      break;
    }
  }
  lines.push(`regs ${hex(vcpu.getRegs())} memory ${Buffer.from(memory.read(0x2000, 16)).toString('hex')}`);
  for (const fail of [
    () => vm.createVcpu(0),
    () => vm.createPit2(),
    () => kvm.createVm(0xff),
    () => vcpu.setMsrs([{ index: 2 ** 32 }]),
  ]) {
    try {
      fail();
      lines.push('no error');
    } catch (error) {
      if (!(error instanceof KvmError)) throw error;
      lines.push(`${error.code} ${error.errno} ${error.ioctl} ${error.message}`);
    }
  }
  return lines;
}

/** What stands beside a guest: controllers, attributes, statistics, and what is said where there is none. */
function surroundings(backend: BackendName): string[] {
  using kvm = Kvm.open({ backend });
  using vm = kvm.createVm();
  vm.createIrqChip();
  using vcpu = vm.createVcpu(0);
  const said = (call: () => unknown): string => {
    try {
      return format(call());
    } catch (error) {
      if (!(error instanceof KvmError)) throw error;
      return `${error.code} ${error.errno} ${error.ioctl} ${error.message}`;
    }
  };
  const { PicMaster, PicSlave, Ioapic } = IrqChipId;
  return [
    ...[PicMaster, PicSlave, Ioapic].map((id) => `controller ${id}: ${hex(vm.getIrqChip(id))}`),
    `local APIC ${hex(vcpu.getLapic())}`,
    said(() => vm.setGsiRouting([{ gsi: 30, msi: { address: 0xfee0_0000n, data: 0x41 } }])),
    said(() => vm.irqLineStatus(30, true)),
    said(() => vm.getPit2()),
    said(() => kvm.getDeviceAttr({ group: 0, attr: 0 })),
    said(() => vcpu.hasDeviceAttr({ group: 0, attr: 0 })),
    said(() => vm.getDeviceAttr({ group: 0, attr: 0 })),
    said(() => vm.createDevice(DeviceType.Flic)),
    said(() => vm.stats().statistics),
    said(() => vcpu.stats().statistics),
    said(() => vcpu.stats().id),
  ];
}

const [reference, ...others] = backendNames as readonly [BackendName, ...BackendName[]];

test('there are backends to compare', () => {
  expect(others.length).toBeGreaterThan(0);
});

for (const name of others) {
  describeUnless(whyNot(reference) ?? whyNot(name), `the backends ${reference} and ${name}`, () => {
    test.each(['pio', 'mmio', 'strings'])('give identical bytes for the guest `%s`', (image) => {
      const expected = transcript(reference, image);
      expect(transcript(name, image)).toEqual(expected);
      expect(expected.some((line) => line.startsWith('KVM_EXIT_HLT'))).toBe(true);
    });

    test('say the same of what stands beside a guest', () => {
      const expected = surroundings(reference);
      expect(surroundings(name)).toEqual(expected);
      expect(expected.at(-1)).toMatch(/vcpu-0|ERR_KVM_UNSUPPORTED/);
    });
  });
}
