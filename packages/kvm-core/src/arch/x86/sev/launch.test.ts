import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { withSev } from '../../../../test/sev.js';
import * as abi from '../../../abi/x86/index.js';
import type { Sev } from './sev.js';

const { EIO } = constants.errno;

onEachBackend('the launch of an encrypted guest', (backend) => {
  test('starts with the key and session of the owner, and returns a handle', () => {
    withSev(
      backend,
      ({ command, bytes, data }) => {
        expect(command.id).toBe(abi.KVM_SEV_LAUNCH_START);
        const start = data(abi.KvmSevLaunchStart);
        expect(start).toMatchObject({ policy: 5, handle: 0, dhLen: 3, sessionLen: 2 });
        expect([...bytes(start.dhUaddr, 3), ...bytes(start.sessionUaddr, 2)]).toEqual([1, 2, 3, 4, 5]);
        start.handle = 99;
        return 0;
      },
      (sev) => {
        expect(sev.launchStart({ policy: 5, dhCert: Uint8Array.of(1, 2, 3), session: Uint8Array.of(4, 5) })).toBe(99);
      },
    );
    withSev(
      backend,
      ({ data }) => {
        expect(data(abi.KvmSevLaunchStart)).toMatchObject({ dhUaddr: 0n, dhLen: 0, sessionUaddr: 0n, sessionLen: 0 });
        return 0;
      },
      (sev) => expect(sev.launchStart({ policy: 0 })).toBe(0),
    );
  });

  test('encrypts memory in place', () => {
    withSev(
      backend,
      ({ command, bytes, data }) => {
        expect(command.id).toBe(abi.KVM_SEV_LAUNCH_UPDATE_DATA);
        const { uaddr, len } = data(abi.KvmSevLaunchUpdateData);
        bytes(uaddr, len).fill(0xee);
        return 0;
      },
      (sev, { memory }) => {
        sev.launchUpdateData(memory, 0x2000, 32);
        expect([...memory.read(0x1fff, 34)]).toEqual([0, ...Array(32).fill(0xee), 0]);
      },
    );
  });

  test.each([
    ['measured', abi.KVM_SEV_LAUNCH_MEASURE, abi.KvmSevLaunchMeasure, (sev: Sev) => sev.launchMeasure()],
    [
      'attested',
      abi.KVM_SEV_GET_ATTESTATION_REPORT,
      abi.KvmSevAttestationReport,
      (sev: Sev) => sev.attestationReport(new Uint8Array(16).fill(9)),
    ],
  ] as const)('is %s in as many bytes as the firmware reports', (_, id, type, use) => {
    const lengths: number[] = [];
    withSev(
      backend,
      ({ command, bytes, data }) => {
        expect(command.id).toBe(id);
        const struct = data<abi.KvmSevLaunchMeasure | abi.KvmSevAttestationReport>(type as never);
        lengths.push(struct.len);
        if ('mnonce' in struct) expect([...struct.mnonce]).toEqual(Array(16).fill(9));
        if (struct.len === 0) {
          struct.len = 48;
          command.error = 4;
          return -EIO;
        }
        bytes(struct.uaddr, struct.len).fill(0xab);
        struct.len = 40;
        return 0;
      },
      (sev) => expect([...use(sev)]).toEqual(Array(40).fill(0xab)),
    );
    expect(lengths).toEqual([0, 48]);
  });

  test('passes secrets to the guest, and lets a debugger read and write it', () => {
    withSev(
      backend,
      ({ command, bytes, data }) => {
        if (command.id === abi.KVM_SEV_LAUNCH_SECRET) {
          const secret = data(abi.KvmSevLaunchSecret);
          expect([...bytes(secret.hdrUaddr, secret.hdrLen)]).toEqual([1, 2]);
          bytes(secret.guestUaddr, secret.guestLen).set(bytes(secret.transUaddr, secret.transLen));
          return 0;
        }
        const { srcUaddr, dstUaddr, len } = data(abi.KvmSevDbg);
        bytes(dstUaddr, len).set(bytes(srcUaddr, len).map((byte) => byte ^ 0xff));
        return 0;
      },
      (sev, { memory }) => {
        sev.launchSecret({ header: Uint8Array.of(1, 2), secret: Uint8Array.of(3, 4, 5), memory, offset: 0x3000 });
        expect([...memory.read(0x3000, 4)]).toEqual([3, 4, 5, 0]);
        expect([...sev.debugDecrypt(memory, 0x3000, 3)]).toEqual([252, 251, 250]);
        sev.debugEncrypt(memory, 0x3000, Uint8Array.of(0, 1));
        expect([...memory.read(0x3000, 3)]).toEqual([255, 254, 5]);
      },
    );
  });
});
