import { expect, test } from 'vitest';
import { Cap, ExitReason, exitReasonName } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { entry, machine, missing, needs, runFor, runTo } from './machine.js';

/** The hypercall by which a guest says which of its pages are shared with the host: the only one that can exit. */
const mapGpaRange = 12n;

/** KVM replaces this by the instruction of its processor. */
const call = code64`
  0f 01 c1  ; vmcall
  f4        ; hlt
`;

onEachBackend('a hypercall', (backend) => {
  const regs = { rax: mapGpaRange, rbx: 0x3000n, rcx: 2n, rdx: 0x10n };

  test('exits with its number and arguments, and returns the answer to the guest', (context) => {
    using guest = machine(backend, 'long', call, { regs });
    const { vm, vcpu } = guest;
    needs(context, vm, Cap.ExitHypercall);
    vm.enableCap(Cap.ExitHypercall, [1n << mapGpaRange]);
    const exit = runFor(vcpu, 1000);
    if (exit.reason === ExitReason.Intr && vcpu.getRegs().rip === entry) {
      missing(context, 'the host has KVM_CAP_EXIT_HYPERCALL, and yet its guests hang in VMCALL');
    }
    if (exit.reason !== ExitReason.Hypercall) throw new Error(exitReasonName(exit.reason));
    const { hypercall } = exit;
    expect(hypercall.nr).toBe(mapGpaRange);
    expect([...hypercall.args].slice(0, 3)).toEqual([regs.rbx, regs.rcx, regs.rdx]);
    hypercall.ret = 0x1234n;
    runTo(vcpu, ExitReason.Hlt);
    expect(vcpu.getRegs()).toMatchObject({ rax: 0x1234n, rip: entry + BigInt(call.length) });
  });

  test('that was not requested is answered by the kernel', (context) => {
    using guest = machine(backend, 'long', call, { regs });
    const exit = runFor(guest.vcpu, 1000);
    const { rax, rip } = guest.vcpu.getRegs();
    if (exit.reason === ExitReason.Intr && rip === entry) missing(context, 'guests hang in VMCALL here');
    expect(exitReasonName(exit.reason)).toBe('KVM_EXIT_HLT');
    // KVM has no such hypercall: -KVM_ENOSYS.
    expect(BigInt.asIntN(64, rax)).toBe(-1000n);
  });
});
