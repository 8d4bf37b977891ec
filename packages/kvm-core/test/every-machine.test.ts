import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Cap, ExitReason, KVM_REG_SIZE, MemoryFlag } from '../src/abi/x86/index.js';
import type { Exit } from '../src/arch/x86/exit.js';
import type { BackendName } from '../src/backend/backend.js';
import { backendNames } from '../src/backend/select.js';
import { pageSize } from '../src/memory/page-size.js';
import type { MmioExit } from '../src/vcpu/exit-views.js';
import { describeUnless, whyNotOnAny } from './backends.js';
import { kvmError } from './errors.js';
import { core, ended, machineGuest, machineImage, machines, onEveryMachine } from './machine.js';
import { exitOf } from './run.js';
import { codeAddress, startGuest } from './start-guest.mjs';

/** What holds on every architecture, asked of the one this machine has. */

const RESULT = 0x2000;

function mmio(exit: Exit): MmioExit['mmio'] {
  if (exit.reason !== ExitReason.Mmio) throw new Error(`not an Mmio exit: ${exit.reason}`);
  return exit.mmio;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

onEveryMachine('on every machine', (backend) => {
  test('a guest computes in memory that both sides see', () => {
    using guest = machineGuest(backend, 'sum');
    const words = new Uint32Array(guest.memory.bytes().buffer, guest.memory.bytes(RESULT).byteOffset, 2);
    words[0] = 1000;
    expect(ended(exitOf(guest.vcpu))).toBe(true);
    expect(words[1]).toBe(500500);
  });

  test('an MMIO exit has address, length, direction and data, both ways', () => {
    using guest = machineGuest(backend, 'mmio');
    const { vcpu } = guest;
    for (const [address, len, value] of [
      [0xd0000n, 1, 0x11],
      [0xd0002n, 2, 0x2233],
      [0xd0004n, 4, 0x44556677],
    ] as const) {
      const access = mmio(exitOf(vcpu));
      expect([access.physAddr, access.len, access.isWrite, access.value32]).toEqual([address, len, true, value]);
      expect([access.value, access.address]).toEqual([BigInt(value), Number(address)]);
    }
    for (const [address, len, value] of [
      [0xd0008n, 1, 0xa1],
      [0xd000an, 2, 0xb1b2],
      [0xd000cn, 4, 0xc1c2c3c4],
    ] as const) {
      const read = mmio(exitOf(vcpu));
      expect([read.physAddr, read.len, read.isWrite]).toEqual([address, len, false]);
      read.value32 = value;
      // x86 echoes it to a port, the others to an address without memory.
      const echo = exitOf(vcpu);
      if (echo.reason === ExitReason.Io) expect(echo.io.value).toBe(value);
      else expect([mmio(echo).len, mmio(echo).isWrite, mmio(echo).value32]).toEqual([len, true, value]);
    }
    let exit = exitOf(vcpu);
    if (exit.reason === ExitReason.Mmio) {
      expect([exit.mmio.len, exit.mmio.value]).toEqual([8, 0x1122_3344_5566_7788n]);
      const read = mmio(exitOf(vcpu));
      expect([read.len, read.isWrite, read.address]).toEqual([8, false, 0xd0020]);
      read.value = 0xfedc_ba98_7654_3210n;
      expect(mmio(exitOf(vcpu)).value).toBe(0xfedc_ba98_7654_3210n);
      exit = exitOf(vcpu);
    }
    expect(ended(exit)).toBe(true);
  });

  test('exits of one reason are one object', () => {
    using guest = machineGuest(backend, 'stores');
    const first = exitOf(guest.vcpu);
    for (let i = 0; i < 100; i++) expect(exitOf(guest.vcpu)).toBe(first);
  });

  test('a kick before a run makes that run return', () => {
    using guest = machineGuest(backend, 'spin');
    guest.vcpu.kick();
    expect(guest.vcpu.run().reason).toBe(ExitReason.Intr);
  });

  test('the run state of a closed vCPU reads zero', () => {
    using guest = machineGuest(backend, 'mmio');
    const exit = mmio(exitOf(guest.vcpu));
    const { kvmRun } = guest.vcpu;
    expect(kvmRun.exitReason).toBe(ExitReason.Mmio);
    guest.vcpu.close();
    expect([kvmRun.exitReason, exit.address, exit.len]).toEqual([0, 0, 0]);
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.run());
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.getOneReg(0n));
  });

  test('a vCPU outlives its memory, its VM and its Kvm', () => {
    using guest = machineGuest(backend, 'mmio');
    for (const object of [guest.kvm, guest.vm, guest.memory]) object.close();
    expect(mmio(exitOf(guest.vcpu)).value32).toBe(0x11);
  });

  test('every guest releases its descriptors', () => {
    machineGuest(backend, 'off').close();
    const before = openDescriptors();
    for (let i = 0; i < 100; i++) {
      using guest = machineGuest(backend, 'off');
      expect(ended(exitOf(guest.vcpu))).toBe(true);
    }
    expect(openDescriptors()).toBe(before);
  });

  test('memory of a guest has whole pages of the host at page boundaries', () => {
    using kvm = core.Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 4 * pageSize });
    const set = (change: object) => () => vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, ...change });
    for (const part of [
      { guestPhysAddr: BigInt(pageSize / 2) },
      { offset: pageSize / 2 },
      { size: pageSize / 2 },
      { size: 5 * pageSize },
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', set(part));
    }
    set({ size: pageSize, offset: 3 * pageSize, guestPhysAddr: BigInt(pageSize) })();
    kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.allocateMemory({ size: pageSize + 1 }));
  });

  test('a write to read-only memory is an MMIO exit', (context) => {
    using guest = machineGuest(backend, 'sum');
    const { kvm, vm, memory, vcpu } = guest;
    if (kvm.checkExtension(Cap.ReadonlyMem) === 0) context.skip('the host lacks KVM_CAP_READONLY_MEM');
    memory.bytes()[RESULT] = 3;
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, flags: MemoryFlag.Readonly });
    const access = mmio(exitOf(vcpu));
    expect([access.address, access.value32, access.isWrite]).toEqual([RESULT + 4, 6, true]);
    expect(memory.read(RESULT + 4, 4)).toEqual(new Uint8Array(4));
  });

  test('an eventfd adds up writes and returns the sum to one reader', () => {
    using kvm = core.Kvm.open({ backend });
    using event = kvm.createEventFd(1);
    event.write(41n);
    expect([event.read(), event.read()]).toEqual([42n, 0n]);
  });

  test('every listed register can be read, and has the length in its id', (context) => {
    using guest = machineGuest(backend, 'off');
    if (guest.kvm.checkExtension(Cap.OneReg) === 0) context.skip('the host lacks KVM_CAP_ONE_REG');
    if (process.arch === 'ppc64') context.skip('powerpc has no KVM_GET_REG_LIST');
    for (const id of guest.vcpu.getRegList()) {
      const value = guest.vcpu.getOneReg(id);
      if (typeof value === 'bigint') expect(value).toBeLessThan(1n << BigInt(8 * KVM_REG_SIZE(id)));
      else expect(value).toHaveLength(KVM_REG_SIZE(id));
    }
  });
});

/** What a guest and its exits show, as text; nothing in it depends on time. */
function transcript(backend: BackendName): string[] {
  using guest = startGuest(core, backend, machineImage('mmio'));
  const { kvm, vm, vcpu, memory } = guest;
  const lines: string[] = [];
  for (let i = 0; i < 32; i++) {
    const exit = exitOf(vcpu);
    lines.push(`${exit.reason} ${JSON.stringify(exit)}`);
    if (ended(exit)) break;
    if (exit.reason === ExitReason.Mmio && !exit.mmio.isWrite) exit.mmio.value = BigInt(1 + i);
  }
  lines.push(Buffer.from(memory.read(codeAddress, 64)).toString('hex'));
  const noRegister = kvm.checkExtension(Cap.OneReg) === 0 ? 'ERR_KVM_UNSUPPORTED' : 'ERR_KVM_SYSCALL';
  for (const [expected, fail] of [
    ['ERR_KVM_SYSCALL', () => vm.createVcpu(0)],
    [noRegister, () => vcpu.getOneReg(0n)],
  ] as const) {
    const { code, errno, ioctl, message } = kvmError(expected, fail);
    lines.push(`${code} ${errno} ${ioctl} ${message}`);
  }
  return lines;
}

const missing = backendNames.map(whyNotOnAny).find((reason) => reason !== undefined);
const elsewhere = machines.includes(process.arch) ? undefined : `there are no guests for ${process.arch}`;
describeUnless(elsewhere ?? missing, 'both backends', () => {
  test('give identical bytes', () => {
    const [first, second] = backendNames.map(transcript);
    expect(second).toEqual(first);
    expect(first?.length).toBeGreaterThan(8);
  });
});
