import { expect, test } from 'vitest';
import { onEachBackend } from '../../../test/backends.js';
import { guestImage } from '../../../test/guests.js';
import { exitOf } from '../../../test/run.js';
import { startGuest } from '../../../test/start-guest.mjs';
import * as core from './index.js';
import {
  type Exit,
  ExitReason,
  KVM_GET_REGS,
  KVM_GET_SREGS,
  KVM_REG_PPC_DSCR,
  KVM_SET_REGS,
  KvmRegs,
  KvmSregs,
  type Vcpu,
} from './index.js';

/** The hypercall that the guest makes: `H_PUT_TERM_CHAR` of PAPR. */
const HCALL = 0x58n;

function papr(exit: Exit) {
  if (exit.reason !== ExitReason.PaprHcall) throw new Error(`not a hypercall: ${exit.reason}`);
  return exit.paprHcall;
}

onEachBackend(
  'a PAPR guest',
  (backend) => {
    const start = (name: string) =>
      startGuest(core as never, backend, guestImage(`powerpc/${name}`)) as unknown as { vcpu: Vcpu } & Disposable;

    test('makes a hypercall with nine arguments and gets ten results', () => {
      using guest = start('hcall');
      const first = papr(exitOf(guest.vcpu));
      expect(first.nr).toBe(HCALL);
      expect([...first.args]).toEqual(Array.from({ length: 9 }, (_, i) => BigInt(0x101 + i)));
      first.ret = 0x1000n;
      first.args = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, (1n << 63n) - 1n];
      const second = papr(exitOf(guest.vcpu));
      expect([second.nr, second.args[0]]).toEqual([HCALL, 0x1000n + 36n + (1n << 63n) - 1n]);
      expect([...second.args.subarray(1)]).toEqual([2n, 3n, 4n, 5n, 6n, 7n, 8n, (1n << 63n) - 1n]);
    });

    test('keeps the registers that are set', () => {
      using guest = start('hcall');
      const { vcpu } = guest;
      const regs = new KvmRegs();
      vcpu.ioctl(KVM_GET_REGS, regs);
      regs.gpr = Array.from({ length: 32 }, (_, i) => 0x1111_2222_3333_0000n + BigInt(i));
      regs.assign({ lr: 0x1234n, ctr: 0x5678n, cr: 0x8888_8888n });
      vcpu.ioctl(KVM_SET_REGS, regs);
      const now = new KvmRegs();
      vcpu.ioctl(KVM_GET_REGS, now);
      expect(now.toJSON()).toEqual(regs.toJSON());
      vcpu.setOneReg(KVM_REG_PPC_DSCR, 5n);
      expect(vcpu.getOneReg(KVM_REG_PPC_DSCR)).toBe(5n);
    });

    test('has the processor of its host', () => {
      using guest = start('off');
      const sregs = new KvmSregs();
      guest.vcpu.ioctl(KVM_GET_SREGS, sregs);
      // The processor version of a POWER9.
      expect(sregs.pvr >>> 16).toBe(0x004e);
    });
  },
  ['ppc64'],
);
