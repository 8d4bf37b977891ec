import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cap, ExitReason, IoeventfdFlag, IrqfdFlag, MpState, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { kvmError } from '../test/errors.js';
import { code16, code64 } from './guest/listing.js';
import { type Machine, machine, needs, runFor, runTo, type Skipping } from './machine.js';

const { EEXIST } = constants.errno;

const writes = code64`
  ee        ; out dx, al
  66 ef     ; out dx, ax
  88 03     ; mov byte ptr [rbx], al
  48 89 03  ; mov qword ptr [rbx], rax
  f4        ; hlt
`;

const threeWrites = code64`
  ee  ; out dx, al
  ee  ; out dx, al
  ee  ; out dx, al
  f4  ; hlt
`;

const reads = code64`
  ec     ; in al, dx
  8a 03  ; mov al, byte ptr [rbx]
  f4     ; hlt
`;

/** Programs the PIC with vectors from 0x20 on, unmasks line 4, reports that, and waits. */
const waits = code16`
  b0 11  ; mov al, 0x11
  e6 20  ; out 0x20, al
  b0 20  ; mov al, 0x20
  e6 21  ; out 0x21, al
  b0 04  ; mov al, 4
  e6 21  ; out 0x21, al
  b0 01  ; mov al, 1
  e6 21  ; out 0x21, al
  b0 ef  ; mov al, 0xef
  e6 21  ; out 0x21, al
  e6 80  ; out 0x80, al
  fb     ; sti
  f4     ; hlt
  eb fd  ; jmp .-1
`;

const handler = code16`
  e6 82  ; out 0x82, al
  b0 20  ; mov al, 0x20
  e6 20  ; out 0x20, al
  e6 84  ; out 0x84, al
  cf     ; iret
`;

const line = 4;
const device = 0xd000_0000n;
const port = 0x500n;
const rax = 0x8877_6655_4433_2211n;

function ports(vcpu: Vcpu): number {
  return runTo(vcpu, ExitReason.Io).io.port;
}

onEachBackend('an ioeventfd', (backend) => {
  /** A guest about to write to a port and to a device. */
  function writer(context: Skipping, code: Uint8Array = writes): Machine {
    const guest = machine(backend, 'long', code, { regs: { rax, rbx: device, rdx: port } });
    needs(context, guest.vm, Cap.Ioeventfd);
    return guest;
  }

  /** The sizes of the guest's writes that exit: all four, except for those that an eventfd took. */
  function exitsOf(vcpu: Vcpu): string[] {
    const sizes: string[] = [];
    for (;;) {
      const exit = runFor(vcpu, 30_000);
      if (exit.reason === ExitReason.Io) sizes.push(`port ${exit.io.size}`);
      else if (exit.reason === ExitReason.Mmio) sizes.push(`memory ${exit.mmio.len}`);
      else if (exit.reason === ExitReason.Hlt) return sizes;
      else throw new Error(`exit reason ${exit.reason}`);
    }
  }

  test('takes the writes of its length to its port, and the guest does not exit for them', (context) => {
    using guest = writer(context);
    using bell = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: port, len: 1, flags: IoeventfdFlag.Pio });
    expect(exitsOf(guest.vcpu)).toEqual(['port 2', 'memory 1', 'memory 8']);
    expect(bell.read()).toBe(1n);
  });

  test('takes the writes of its length to its address', (context) => {
    using guest = writer(context);
    using bell = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: device, len: 8 });
    expect(exitsOf(guest.vcpu)).toEqual(['port 1', 'port 2', 'memory 1']);
    expect(bell.read()).toBe(1n);
  });

  test('counts', (context) => {
    using guest = writer(context, threeWrites);
    using bell = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: port, len: 1, flags: IoeventfdFlag.Pio });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(bell.read()).toBe(3n);
  });

  test('that matches data takes the writes of that value only', (context) => {
    const flags = IoeventfdFlag.Pio;
    using guest = writer(context);
    using match = guest.kvm.createEventFd();
    using other = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: match, addr: port, len: 2, flags, datamatch: 0x2211n });
    guest.vm.ioeventfd({ eventfd: other, addr: port, len: 1, flags, datamatch: 0x12n });
    guest.vm.ioeventfd({ eventfd: match, addr: device, len: 8, datamatch: rax });
    expect(exitsOf(guest.vcpu)).toEqual(['port 1', 'memory 1']);
    expect([match.read(), other.read()]).toEqual([2n, 0n]);
  });

  test('of length 0 takes the writes of any length to an address', (context) => {
    using guest = writer(context);
    needs(context, guest.vm, Cap.IoeventfdAnyLength);
    using bell = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: device, len: 0 });
    expect(exitsOf(guest.vcpu)).toEqual(['port 1', 'port 2']);
    expect(bell.read()).toBe(2n);
  });

  test('takes no reads', (context) => {
    using guest = writer(context, reads);
    using bell = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: port, len: 1, flags: IoeventfdFlag.Pio });
    guest.vm.ioeventfd({ eventfd: bell, addr: device, len: 1 });
    expect(exitsOf(guest.vcpu)).toEqual(['port 1', 'memory 1']);
    expect(bell.read()).toBe(0n);
  });

  test('takes nothing after it is removed', (context) => {
    using guest = writer(context, threeWrites);
    using bell = guest.kvm.createEventFd();
    const doorbell = { eventfd: bell, addr: port, len: 1, flags: IoeventfdFlag.Pio };
    guest.vm.ioeventfd(doorbell);
    guest.vm.ioeventfd({ ...doorbell, flags: IoeventfdFlag.Pio | IoeventfdFlag.Deassign });
    expect(exitsOf(guest.vcpu)).toEqual(['port 1', 'port 1', 'port 1']);
    expect(bell.read()).toBe(0n);
  });

  test('cannot be assigned twice at one address', (context) => {
    using guest = writer(context);
    using bell = guest.kvm.createEventFd();
    using second = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd: bell, addr: device, len: 8 });
    const taken = kvmError('ERR_KVM_SYSCALL', () => guest.vm.ioeventfd({ eventfd: second, addr: device, len: 8 }));
    expect(taken).toMatchObject({ errno: EEXIST, ioctl: 'KVM_IOEVENTFD' });
  });
});

onEachBackend('an irqfd', (backend) => {
  /** A guest that has reported to wait for line 4 with interrupts enabled. */
  function waiting(context: Skipping): Machine {
    const guest = machine(backend, 'real', waits, {
      before: (vm) => {
        needs(context, vm, Cap.IrqChip, Cap.Irqfd);
        vm.createIrqChip();
      },
    });
    guest.memory.write(0x4000, handler);
    guest.memory.write(4 * (0x20 + line), Uint8Array.of(0x00, 0x40, 0, 0));
    expect(ports(guest.vcpu)).toBe(0x80);
    return guest;
  }

  /** The guest halts in the kernel: only a kick makes it return. */
  function expectHalted(vcpu: Vcpu): void {
    do expect(runFor(vcpu, 20).reason).toBe(ExitReason.Intr);
    while (vcpu.getMpState() !== MpState.Halted);
  }

  test('interrupts a guest that halts', (context) => {
    using guest = waiting(context);
    using eventfd = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: line });
    for (let i = 0; i < 3; i++) {
      expectHalted(guest.vcpu);
      eventfd.write();
      expect([ports(guest.vcpu), ports(guest.vcpu)]).toEqual([0x82, 0x84]);
    }
    expectHalted(guest.vcpu);
  });

  test('interrupts once, however much is written at a time', (context) => {
    using guest = waiting(context);
    using eventfd = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: line });
    eventfd.write(5n);
    expect([ports(guest.vcpu), ports(guest.vcpu)]).toEqual([0x82, 0x84]);
    expectHalted(guest.vcpu);
  });

  test('interrupts at once if its count was not zero before it was assigned', (context) => {
    using guest = waiting(context);
    using eventfd = guest.kvm.createEventFd(1);
    guest.vm.irqfd({ eventfd, gsi: line });
    expect(ports(guest.vcpu)).toBe(0x82);
  });

  test('does not interrupt after it is removed', (context) => {
    using guest = waiting(context);
    using eventfd = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: line });
    guest.vm.irqfd({ eventfd, gsi: line, flags: IrqfdFlag.Deassign });
    eventfd.write();
    expectHalted(guest.vcpu);
  });

  test('with a resampler reports the acknowledgement, and interrupts again if needed', (context) => {
    using guest = waiting(context);
    needs(context, guest.vm, Cap.IrqfdResample);
    using eventfd = guest.kvm.createEventFd();
    using resample = guest.kvm.createEventFd();
    guest.vm.irqfd({ eventfd, gsi: line, resample });
    for (let i = 0; i < 2; i++) {
      eventfd.write();
      expect(ports(guest.vcpu)).toBe(0x82);
      expect(resample.read()).toBe(0n);
      expect(ports(guest.vcpu)).toBe(0x84);
      expect(resample.read()).toBe(1n);
    }
    expectHalted(guest.vcpu);
  });
});
