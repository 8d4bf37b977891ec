import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { withSev } from '../../../../test/sev.js';
import * as abi from '../../../abi/x86/index.js';

const { EIO } = constants.errno;

onEachBackend('the migration of an encrypted guest', (backend) => {
  test('sends and receives packets', () => {
    withSev(
      backend,
      ({ command, bytes, data }) => {
        if (command.id === abi.KVM_SEV_SEND_START) {
          const start = data(abi.KvmSevSendStart);
          expect([...bytes(start.platCertsUaddr, start.platCertsLen)]).toEqual([2]);
          if (start.sessionLen === 0) {
            start.sessionLen = 5;
            return -EIO;
          }
          bytes(start.sessionUaddr, 5).fill(7);
          start.policy = 3;
          return 0;
        }
        if (command.id === abi.KVM_SEV_SEND_UPDATE_DATA) {
          const packet = data(abi.KvmSevSendUpdateData);
          expect(packet.guestLen).toBe(0x800);
          if (packet.hdrLen === 0) {
            packet.assign({ hdrLen: 2, transLen: 3 });
            return -EIO;
          }
          bytes(packet.hdrUaddr, 2).fill(1);
          bytes(packet.transUaddr, 3).fill(2);
          return 0;
        }
        if (command.id === abi.KVM_SEV_RECEIVE_START) {
          const start = data(abi.KvmSevReceiveStart);
          expect([...bytes(start.pdhUaddr, start.pdhLen), ...bytes(start.sessionUaddr, start.sessionLen)]).toEqual([
            8, 7, 7,
          ]);
          start.handle = 4;
          return 0;
        }
        const received = data(abi.KvmSevReceiveUpdateData);
        expect([...bytes(received.hdrUaddr, received.hdrLen), received.guestLen]).toEqual([1, 1, 3]);
        bytes(received.guestUaddr, received.guestLen).set(bytes(received.transUaddr, received.transLen));
        return 0;
      },
      (sev, { memory }) => {
        const to = { pdhCert: Uint8Array.of(1), platCerts: Uint8Array.of(2), amdCerts: Uint8Array.of(3) };
        expect(sev.sendStart(to)).toEqual({ policy: 3, session: new Uint8Array(5).fill(7) });
        const packet = sev.sendUpdateData(memory, 0, 0x800);
        expect(packet).toEqual({ header: Uint8Array.of(1, 1), data: Uint8Array.of(2, 2, 2) });
        expect(sev.receiveStart({ policy: 3, pdhCert: Uint8Array.of(8), session: Uint8Array.of(7, 7) })).toBe(4);
        sev.receiveUpdateData(packet, memory, 0x4000);
        expect([...memory.read(0x4000, 4)]).toEqual([2, 2, 2, 0]);
      },
    );
  });
});
