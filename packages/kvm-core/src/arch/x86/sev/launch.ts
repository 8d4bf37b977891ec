import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, optionalBlob, partOf, SevCommands } from './commands.js';

/** The options of `sev.launchStart`. */
export interface SevLaunch {
  /** The policy of the guest: bits of the firmware's specification. */
  policy: number;
  /** The encryption context of another guest to share; default 0, a new one. */
  handle?: number;
  /** The public Diffie-Hellman key of the guest's owner, and the session that it prepared for the platform. */
  dhCert?: Uint8Array;
  session?: Uint8Array;
}

/** A secret that the guest's owner sends after it has checked the launch measurement. */
export interface SevSecret {
  /** The header of the packet, 52 bytes. */
  header: Uint8Array;
  /** The secret, encrypted for the firmware. */
  secret: Uint8Array;
  /** The destination: contiguous guest pages that are already encrypted. */
  memory: GuestMemory;
  offset: number;
  /** Bytes; default the length of the secret. */
  size?: number;
}

/** The commands that create and launch SEV and SEV-ES guests. */
export abstract class SevLaunchCommands extends SevCommands {
  /**
   * Initialises a VM of `VmType.Sev`, `SevEs` or `Snp` as encrypted, before its first vCPU. KVM_SEV_INIT2.
   *
   * @param options.vmsaFeatures features of the vCPUs' saved state, for SEV-ES; default 0.
   * @param options.ghcbVersion the version of SEV-ES's guest-host protocol; default 0, the kernel's choice.
   */
  init2(options: { vmsaFeatures?: bigint; ghcbVersion?: number } = {}): void {
    const { vmsaFeatures = 0n, ghcbVersion = 0 } = optionsOf(options, 'the options of init2', [
      'vmsaFeatures',
      'ghcbVersion',
    ]);
    this.command(abi.KVM_SEV_INIT2, abi.KvmSevInit.from({ vmsaFeatures, ghcbVersion }));
  }

  /** The older call that initialises a VM of the default type for SEV. KVM_SEV_INIT. */
  init(): void {
    this.command(abi.KVM_SEV_INIT);
  }

  /** The older call that initialises a VM of the default type for SEV-ES. KVM_SEV_ES_INIT. */
  esInit(): void {
    this.command(abi.KVM_SEV_ES_INIT);
  }

  /** Creates the encryption context. Returns its handle. KVM_SEV_LAUNCH_START. */
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

  /** Encrypts and measures guest memory in place, in units of 16 bytes. KVM_SEV_LAUNCH_UPDATE_DATA. */
  launchUpdateData(memory: GuestMemory, offset = 0, size?: number): void {
    const bytes = partOf(memory, offset, size);
    const data = abi.KvmSevLaunchUpdateData.from({ uaddr: this.addressOf(bytes), len: bytes.length });
    this.command(abi.KVM_SEV_LAUNCH_UPDATE_DATA, data, [bytes]);
  }

  /** Encrypts the saved state of all vCPUs of an SEV-ES guest. KVM_SEV_LAUNCH_UPDATE_VMSA. */
  launchUpdateVmsa(): void {
    this.command(abi.KVM_SEV_LAUNCH_UPDATE_VMSA);
  }

  /** The measurement of everything that was encrypted, for the guest's owner to check. KVM_SEV_LAUNCH_MEASURE. */
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

  /** Completes the launch. The guest can then run. KVM_SEV_LAUNCH_FINISH. */
  launchFinish(): void {
    this.command(abi.KVM_SEV_LAUNCH_FINISH);
  }

  /** The guest's handle, policy and state. KVM_SEV_GUEST_STATUS. */
  guestStatus(): abi.KvmSevGuestStatus {
    const status = new abi.KvmSevGuestStatus();
    this.command(abi.KVM_SEV_GUEST_STATUS, status);
    return status;
  }

  /**
   * The attestation report of the guest, signed by the platform. KVM_SEV_GET_ATTESTATION_REPORT.
   *
   * @param nonce 16 bytes to include in the report.
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

  /** Reads and decrypts guest memory, if the guest's policy allows debugging. KVM_SEV_DBG_DECRYPT. */
  debugDecrypt(memory: GuestMemory, offset = 0, size?: number): Uint8Array {
    const guest = partOf(memory, offset, size);
    const plain = new Uint8Array(guest.length);
    this.#debug(abi.KVM_SEV_DBG_DECRYPT, guest, plain);
    return plain;
  }

  /** Encrypts bytes and writes them to guest memory, if the guest's policy allows debugging. KVM_SEV_DBG_ENCRYPT. */
  debugEncrypt(memory: GuestMemory, offset: number, bytes: Uint8Array): void {
    const plain = blobFor(bytes, 'the bytes to write');
    this.#debug(abi.KVM_SEV_DBG_ENCRYPT, plain, partOf(memory, offset, plain.length));
  }

  #debug(id: number, from: Uint8Array, to: Uint8Array): void {
    const data = abi.KvmSevDbg.from({ srcUaddr: this.addressOf(from), dstUaddr: this.addressOf(to), len: from.length });
    this.command(id, data, [from, to]);
  }
}
