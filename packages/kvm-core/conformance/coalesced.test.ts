import { expect, test } from 'vitest';
import { Cap, ExitReason, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { type Machine, machine, needs, runFor, runTo, type Skipping } from './machine.js';

const writes = code64`
  88 03        ; mov byte ptr [rbx], al
  66 89 43 02  ; mov word ptr [rbx + 2], ax
  89 43 04     ; mov dword ptr [rbx + 4], eax
  48 89 43 08  ; mov qword ptr [rbx + 8], rax
  f4           ; hlt
`;

const readBetween = code64`
  88 03     ; mov byte ptr [rbx], al
  8a 0b     ; mov cl, byte ptr [rbx]
  88 4b 01  ; mov byte ptr [rbx + 1], cl
  f4        ; hlt
`;

const portWrites = code64`
  ee     ; out dx, al
  66 ef  ; out dx, ax
  ef     ; out dx, eax
  ec     ; in al, dx
  f4     ; hlt
`;

const writeMany = code64`
  89 0b  ; mov dword ptr [rbx], ecx
  e2 fc  ; loop .-2
  f4     ; hlt
`;

const rax = 0x8877_6655_4433_2211n;
const device = 0xd000_0000n;
const port = 0x500n;

/** The writes in the ring: address, length, value. */
function drain(vcpu: Vcpu): [bigint, number, bigint][] {
  const taken: [bigint, number, bigint][] = [];
  vcpu.coalescedRing.drain(({ physAddr, len, value }) => taken.push([physAddr, len, value]));
  return taken;
}

onEachBackend('coalesced writes', (backend) => {
  function writer(context: Skipping, code: Uint8Array, cap: number, rcx = 0n): Machine {
    const guest = machine(backend, 'long', code, { regs: { rax, rbx: device, rcx, rdx: port } });
    needs(context, guest.vm, cap);
    return guest;
  }

  test('to memory wait in the ring, in order, and the guest does not exit', (context) => {
    using guest = writer(context, writes, Cap.CoalescedMmio);
    guest.vm.registerCoalescedMmio({ addr: device, size: 16 });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(drain(guest.vcpu)).toEqual([
      [device, 1, 0x11n],
      [device + 2n, 2, 0x2211n],
      [device + 4n, 4, 0x4433_2211n],
      [device + 8n, 8, rax],
    ]);
    expect(drain(guest.vcpu)).toEqual([]);
  });

  test('to ports wait in the same ring; reads exit', (context) => {
    using guest = writer(context, portWrites, Cap.CoalescedPio);
    guest.vm.registerCoalescedMmio({ addr: port, size: 4, pio: true });
    expect(runTo(guest.vcpu, ExitReason.Io).io.isWrite).toBe(false);
    expect(drain(guest.vcpu)).toEqual([
      [port, 1, 0x11n],
      [port, 2, 0x2211n],
      [port, 4, 0x4433_2211n],
    ]);
    runTo(guest.vcpu, ExitReason.Hlt);
  });

  test('are in the ring before the read that comes after them exits', (context) => {
    using guest = writer(context, readBetween, Cap.CoalescedMmio);
    guest.vm.registerCoalescedMmio({ addr: device, size: 16 });
    const { mmio } = runTo(guest.vcpu, ExitReason.Mmio);
    expect([mmio.physAddr, mmio.isWrite]).toEqual([device, false]);
    expect(drain(guest.vcpu)).toEqual([[device, 1, 0x11n]]);
    mmio.value = 0x77n;
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(drain(guest.vcpu)).toEqual([[device + 1n, 1, 0x77n]]);
  });

  test('outside of the zone exit, also those that cross its end', (context) => {
    using guest = writer(context, writes, Cap.CoalescedMmio);
    guest.vm.registerCoalescedMmio({ addr: device + 2n, size: 10 });
    expect(runTo(guest.vcpu, ExitReason.Mmio).mmio).toMatchObject({ physAddr: device, len: 1 });
    expect(runTo(guest.vcpu, ExitReason.Mmio).mmio).toMatchObject({ physAddr: device + 8n, len: 8 });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(drain(guest.vcpu).map(([address]) => address)).toEqual([device + 2n, device + 4n]);
  });

  test('exit when the ring is full, and wait again when it is not', (context) => {
    const count = 1000n;
    using guest = writer(context, writeMany, Cap.CoalescedMmio, count);
    guest.vm.registerCoalescedMmio({ addr: device, size: 4 });
    const seen: bigint[] = [];
    const exits: bigint[] = [];
    for (;;) {
      const exit = runFor(guest.vcpu, 30_000);
      seen.push(...drain(guest.vcpu).map(([, , value]) => value));
      if (exit.reason === ExitReason.Hlt) break;
      if (exit.reason !== ExitReason.Mmio) throw new Error(`exit reason ${exit.reason}`);
      seen.push(exit.mmio.value);
      exits.push(exit.mmio.value);
    }
    // None is lost or duplicated, and all are in order.
    expect(seen).toEqual(Array.from({ length: Number(count) }, (_, i) => count - BigInt(i)));
    expect(exits.length).toBeGreaterThan(0);
    expect(exits.length).toBeLessThan(Number(count) / 10);
  });

  test('exit again when the zone is removed', (context) => {
    using guest = writer(context, writes, Cap.CoalescedMmio);
    guest.vm.registerCoalescedMmio({ addr: device, size: 16 });
    guest.vm.unregisterCoalescedMmio({ addr: device, size: 16 });
    for (const len of [1, 2, 4, 8]) expect(runTo(guest.vcpu, ExitReason.Mmio).mmio.len).toBe(len);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(drain(guest.vcpu)).toEqual([]);
  });

  test('to ports exit again when their zone is removed', (context) => {
    using guest = writer(context, portWrites, Cap.CoalescedPio);
    guest.vm.registerCoalescedMmio({ addr: port, size: 4, pio: true });
    guest.vm.unregisterCoalescedMmio({ addr: port, size: 4, pio: true });
    for (const size of [1, 2, 4]) expect(runTo(guest.vcpu, ExitReason.Io).io.size).toBe(size);
    runTo(guest.vcpu, ExitReason.Io);
    expect(drain(guest.vcpu)).toEqual([]);
  });
});
