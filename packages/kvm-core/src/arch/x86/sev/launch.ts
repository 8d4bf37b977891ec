import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, optionalBlob, partOf, SevCommands } from './commands.js';

/** Of `sev.launchStart`. */
export interface SevLaunch {
  /** What may be done to the guest: bits of the firmware's specification. */
  policy: number;
  /** The encryption context of another guest, to share it; 0 for a new one. */
  handle?: number;
  /** The owner's public Diffie-Hellman key, and the session it has prepared with the platform. */
  dhCert?: Uint8Array;
  session?: Uint8Array;
}

/** What the owner of a guest gives it once its launch is measured. */
export interface SevSecret {
  /** The packet's header, of 52 bytes. */
  header: Uint8Array;
  /** The secret, encrypted for the firmware. */
  secret: Uint8Array;
  /** Where it goes: contiguous pages of the guest, already encrypted. */
  memory: GuestMemory;
  offset: number;
  /** Bytes; as many as the secret has. */
  size?: number;
}

/** Guests of SEV and SEV-ES, from their making to their launch. */
export abstract class SevLaunchCommands extends SevCommands {
  /**
   * Makes the VM, of `VmType.Sev`, `SevEs` or `Snp`, an encrypted one: before its first vCPU. KVM_SEV_INIT2.
   *
   * @param options.vmsaFeatures features of the vCPUs' saved state, which SEV-ES has; 0.
   * @param options.ghcbVersion of SEV-ES's guest-host protocol; 0 for the kernel's choice.
   */
  init2(options: { vmsaFeatures?: bigint; ghcbVersion?: number } = {}): void {
    const { vmsaFeatures = 0n, ghcbVersion = 0 } = optionsOf(options, 'the options of init2', [
      'vmsaFeatures',
      'ghcbVersion',
    ]);
    this.command(abi.KVM_SEV_INIT2, abi.KvmSevInit.from({ vmsaFeatures, ghcbVersion }));
  }

  /** The older way, for a VM of the default type: SEV. KVM_SEV_INIT. */
  init(): void {
    this.command(abi.KVM_SEV_INIT);
  }

  /** The older way, for a VM of the default type: SEV-ES. KVM_SEV_ES_INIT. */
  esInit(): void {
    this.command(abi.KVM_SEV_ES_INIT);
  }

  /** Makes the encryption context. KVM_SEV_LAUNCH_START. Gives its handle. */
  launchStart(launch: SevLaunch): number {
    const {
      policy,
      handle = 0,
      dhCert,
      session,
    } = optionsOf(launch, 'a launch', ['policy', 'handle', 'dhCert', 'session']);
    const dh = optionalBlob(dhCert, 'dhCert');
    const blob = optionalBlob(session, 'session');
    const data = abi.KvmSevLaunchStart.from({
      policy,
      handle,
      dhUaddr: this.addressOf(dh),
      dhLen: dh.length,
      sessionUaddr: this.addressOf(blob),
      sessionLen: blob.length,
    });
    this.command(abi.KVM_SEV_LAUNCH_START, data, [dh, blob]);
    return data.handle;
  }

  /** Encrypts memory of the guest in place, and adds it to the measurement; 16 bytes at a time. KVM_SEV_LAUNCH_UPDATE_DATA. */
  launchUpdateData(memory: GuestMemory, offset = 0, size?: number): void {
    const bytes = partOf(memory, offset, size);
    const data = abi.KvmSevLaunchUpdateData.from({ uaddr: this.addressOf(bytes), len: bytes.length });
    this.command(abi.KVM_SEV_LAUNCH_UPDATE_DATA, data, [bytes]);
  }

  /** Encrypts the saved state of all vCPUs, of SEV-ES. KVM_SEV_LAUNCH_UPDATE_VMSA. */
  launchUpdateVmsa(): void {
    this.command(abi.KVM_SEV_LAUNCH_UPDATE_VMSA);
  }

  /** The measurement of all that was encrypted, for the guest's owner to check. KVM_SEV_LAUNCH_MEASURE. */
  launchMeasure(): Uint8Array {
    const { blobs } = this.blobs(
      abi.KVM_SEV_LAUNCH_MEASURE,
      (room = new Uint8Array(0)) => abi.KvmSevLaunchMeasure.from({ uaddr: this.addressOf(room), len: room.length }),
      ({ len }) => [len],
    );
    return blobs[0] as Uint8Array;
  }

  /** Puts the owner's secret into the guest. KVM_SEV_LAUNCH_SECRET. */
  launchSecret(packet: SevSecret): void {
    const { header, secret, memory, offset, size } = optionsOf(packet, 'a secret', [
      'header',
      'secret',
      'memory',
      'offset',
      'size',
    ]);
    const hdr = blobFor(header, 'header');
    const trans = blobFor(secret, 'secret');
    const guest = partOf(memory, offset, size ?? trans.length);
    const data = abi.KvmSevLaunchSecret.from({
      hdrUaddr: this.addressOf(hdr),
      hdrLen: hdr.length,
      guestUaddr: this.addressOf(guest),
      guestLen: guest.length,
      transUaddr: this.addressOf(trans),
      transLen: trans.length,
    });
    this.command(abi.KVM_SEV_LAUNCH_SECRET, data, [hdr, guest, trans]);
  }

  /** The guest is ready to run. KVM_SEV_LAUNCH_FINISH. */
  launchFinish(): void {
    this.command(abi.KVM_SEV_LAUNCH_FINISH);
  }

  /** The guest's handle, its policy, and how far it is. KVM_SEV_GUEST_STATUS. */
  guestStatus(): abi.KvmSevGuestStatus {
    const status = new abi.KvmSevGuestStatus();
    this.command(abi.KVM_SEV_GUEST_STATUS, status);
    return status;
  }

  /**
   * The platform's signed word on what the guest is. KVM_SEV_GET_ATTESTATION_REPORT.
   *
   * @param nonce 16 bytes that go into it.
   */
  attestationReport(nonce: Uint8Array): Uint8Array {
    const mnonce = blobFor(nonce, 'nonce', 16);
    const { blobs } = this.blobs(
      abi.KVM_SEV_GET_ATTESTATION_REPORT,
      (room = new Uint8Array(0)) =>
        abi.KvmSevAttestationReport.from({ mnonce, uaddr: this.addressOf(room), len: room.length }),
      ({ len }) => [len],
    );
    return blobs[0] as Uint8Array;
  }

  /** Decrypted bytes of the guest, where its policy allows debugging. KVM_SEV_DBG_DECRYPT. */
  debugDecrypt(memory: GuestMemory, offset = 0, size?: number): Uint8Array {
    const guest = partOf(memory, offset, size);
    const plain = new Uint8Array(guest.length);
    this.#debug(abi.KVM_SEV_DBG_DECRYPT, guest, plain);
    return plain;
  }

  /** Writes bytes to the guest's memory, encrypted, where its policy allows debugging. KVM_SEV_DBG_ENCRYPT. */
  debugEncrypt(memory: GuestMemory, offset: number, bytes: Uint8Array): void {
    const plain = blobFor(bytes, 'the bytes to write');
    this.#debug(abi.KVM_SEV_DBG_ENCRYPT, plain, partOf(memory, offset, plain.length));
  }

  #debug(id: number, from: Uint8Array, to: Uint8Array): void {
    const data = abi.KvmSevDbg.from({ srcUaddr: this.addressOf(from), dstUaddr: this.addressOf(to), len: from.length });
    this.command(id, data, [from, to]);
  }
}
