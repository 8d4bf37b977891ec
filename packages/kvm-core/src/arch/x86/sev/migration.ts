import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, partOf } from './commands.js';
import { SevLaunchCommands } from './launch.js';

/** The options of `sev.sendStart`: the receiving platform. */
export interface SevSend {
  /** The Diffie-Hellman key of the receiving platform. */
  pdhCert: Uint8Array;
  /** The certificate chains of that key: the platform's own, and AMD's. */
  platCerts: Uint8Array;
  amdCerts: Uint8Array;
}

/** The options of `sev.receiveStart`, which come from the sender. */
export interface SevReceive {
  policy: number;
  /** The sender's Diffie-Hellman key. */
  pdhCert: Uint8Array;
  session: Uint8Array;
  /** The encryption context of another guest to share; default 0, a new one. */
  handle?: number;
}

/** A part of a guest's memory in transit, encrypted for the receiving platform. */
export interface SevPacket {
  header: Uint8Array;
  data: Uint8Array;
}

/** The commands that move an SEV guest from one platform to another. */
export abstract class SevMigrationCommands extends SevLaunchCommands {
  /** Starts sending the guest. Returns its policy and the session, which the receiver needs. KVM_SEV_SEND_START. */
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

  /** Encrypts a part of guest memory for the receiver. It must not cross a page. KVM_SEV_SEND_UPDATE_DATA. */
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

  /** Finishes sending. KVM_SEV_SEND_FINISH. */
  sendFinish(): void {
    this.command(abi.KVM_SEV_SEND_FINISH);
  }

  /** Stops sending and keeps the guest here. KVM_SEV_SEND_CANCEL. */
  sendCancel(): void {
    this.command(abi.KVM_SEV_SEND_CANCEL);
  }

  /** Starts receiving a guest. Returns its handle. KVM_SEV_RECEIVE_START. */
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

  /** Writes a received part to guest memory. It must not cross a page. KVM_SEV_RECEIVE_UPDATE_DATA. */
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

  /** Finishes receiving. The guest can then run. KVM_SEV_RECEIVE_FINISH. */
  receiveFinish(): void {
    this.command(abi.KVM_SEV_RECEIVE_FINISH);
  }
}
