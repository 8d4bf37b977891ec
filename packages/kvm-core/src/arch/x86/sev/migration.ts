import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, partOf } from './commands.js';
import { SevLaunchCommands } from './launch.js';

/** Of `sev.sendStart`: whom the guest is sent to. */
export interface SevSend {
  /** The other platform's Diffie-Hellman key. */
  pdhCert: Uint8Array;
  /** The chains of certificates that vouch for it: the platform's own, and AMD's. */
  platCerts: Uint8Array;
  amdCerts: Uint8Array;
}

/** Of `sev.receiveStart`: what the sender gave. */
export interface SevReceive {
  policy: number;
  /** The sender's Diffie-Hellman key. */
  pdhCert: Uint8Array;
  session: Uint8Array;
  /** The encryption context of another guest, to share it; 0 for a new one. */
  handle?: number;
}

/** A part of a guest on its way, encrypted for the other platform. */
export interface SevPacket {
  header: Uint8Array;
  data: Uint8Array;
}

/** Guests of SEV on their way from one platform to another. */
export abstract class SevMigrationCommands extends SevLaunchCommands {
  /** Begins to send the guest. KVM_SEV_SEND_START. Gives its policy and the session, which the receiver wants. */
  sendStart(to: SevSend): { policy: number; session: Uint8Array } {
    const { pdhCert, platCerts, amdCerts } = optionsOf(to, 'where to send a guest', [
      'pdhCert',
      'platCerts',
      'amdCerts',
    ]);
    const certificates = [blobFor(pdhCert, 'pdhCert'), blobFor(platCerts, 'platCerts'), blobFor(amdCerts, 'amdCerts')];
    const [pdh, plat, amd] = certificates as [Uint8Array, Uint8Array, Uint8Array];
    const { data, blobs } = this.blobs(
      abi.KVM_SEV_SEND_START,
      (session = new Uint8Array(0)) =>
        abi.KvmSevSendStart.from({
          pdhCertUaddr: this.addressOf(pdh),
          pdhCertLen: pdh.length,
          platCertsUaddr: this.addressOf(plat),
          platCertsLen: plat.length,
          amdCertsUaddr: this.addressOf(amd),
          amdCertsLen: amd.length,
          sessionUaddr: this.addressOf(session),
          sessionLen: session.length,
        }),
      ({ sessionLen }) => [sessionLen],
      certificates,
    );
    return { policy: data.policy, session: blobs[0] as Uint8Array };
  }

  /** A part of the guest's memory, which must not cross a page, for the receiver. KVM_SEV_SEND_UPDATE_DATA. */
  sendUpdateData(memory: GuestMemory, offset: number, size?: number): SevPacket {
    const guest = partOf(memory, offset, size);
    const { blobs } = this.blobs(
      abi.KVM_SEV_SEND_UPDATE_DATA,
      (header = new Uint8Array(0), trans = new Uint8Array(0)) =>
        abi.KvmSevSendUpdateData.from({
          hdrUaddr: this.addressOf(header),
          hdrLen: header.length,
          guestUaddr: this.addressOf(guest),
          guestLen: guest.length,
          transUaddr: this.addressOf(trans),
          transLen: trans.length,
        }),
      ({ hdrLen, transLen }) => [hdrLen, transLen],
      [guest],
    );
    const [header, data] = blobs as [Uint8Array, Uint8Array];
    return { header, data };
  }

  /** All is sent. KVM_SEV_SEND_FINISH. */
  sendFinish(): void {
    this.command(abi.KVM_SEV_SEND_FINISH);
  }

  /** Sends no further, and keeps the guest here. KVM_SEV_SEND_CANCEL. */
  sendCancel(): void {
    this.command(abi.KVM_SEV_SEND_CANCEL);
  }

  /** Begins to receive a guest. KVM_SEV_RECEIVE_START. Gives its handle. */
  receiveStart(from: SevReceive): number {
    const {
      policy,
      pdhCert,
      session,
      handle = 0,
    } = optionsOf(from, 'where a guest comes from', ['policy', 'pdhCert', 'session', 'handle']);
    const pdh = blobFor(pdhCert, 'pdhCert');
    const blob = blobFor(session, 'session');
    const data = abi.KvmSevReceiveStart.from({
      policy,
      handle,
      pdhUaddr: this.addressOf(pdh),
      pdhLen: pdh.length,
      sessionUaddr: this.addressOf(blob),
      sessionLen: blob.length,
    });
    this.command(abi.KVM_SEV_RECEIVE_START, data, [pdh, blob]);
    return data.handle;
  }

  /** Puts a part into the guest's memory, which must not cross a page. KVM_SEV_RECEIVE_UPDATE_DATA. */
  receiveUpdateData(packet: SevPacket, memory: GuestMemory, offset: number, size?: number): void {
    const { header, data: sent } = optionsOf(packet, 'a packet', ['header', 'data']);
    const hdr = blobFor(header, 'header');
    const trans = blobFor(sent, 'data');
    const guest = partOf(memory, offset, size ?? trans.length);
    const data = abi.KvmSevReceiveUpdateData.from({
      hdrUaddr: this.addressOf(hdr),
      hdrLen: hdr.length,
      guestUaddr: this.addressOf(guest),
      guestLen: guest.length,
      transUaddr: this.addressOf(trans),
      transLen: trans.length,
    });
    this.command(abi.KVM_SEV_RECEIVE_UPDATE_DATA, data, [hdr, guest, trans]);
  }

  /** All is received: the guest is ready to run. KVM_SEV_RECEIVE_FINISH. */
  receiveFinish(): void {
    this.command(abi.KVM_SEV_RECEIVE_FINISH);
  }
}
