import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { boolean, oneOf, u64 } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, partOf } from './commands.js';
import { SevMigrationCommands } from './migration.js';

/** Of `sev.snpLaunchUpdate`. */
export interface SnpPages {
  /** The first frame of the guest that they go to. */
  gfnStart: bigint;
  /** What they are; 'normal'. Pages of zeros need no memory. */
  type?: 'normal' | 'zero' | 'unmeasured' | 'secrets' | 'cpuid';
  /** Where their content is: whole pages, from `offset`, which is copied into the guest's own memory. */
  memory: GuestMemory;
  offset?: number;
  /** Bytes, whole pages; all from `offset`. */
  size?: number;
}

/** Of `sev.snpLaunchFinish`. */
export interface SnpFinish {
  /** The owner's word on what the guest must measure: 96 bytes, and the 4096 that authenticate it. */
  idBlock?: Uint8Array;
  idAuth?: Uint8Array;
  /** Whether `idAuth` has an author's key, too; false. */
  authKey?: boolean;
  /** Whether the guest may not use the chip's own key to attest; false. */
  vcekDisabled?: boolean;
  /** 32 bytes of the host's, which attestation reports will show. */
  hostData?: Uint8Array;
}

const pageTypes = {
  normal: abi.KVM_SEV_SNP_PAGE_TYPE_NORMAL,
  zero: abi.KVM_SEV_SNP_PAGE_TYPE_ZERO,
  unmeasured: abi.KVM_SEV_SNP_PAGE_TYPE_UNMEASURED,
  secrets: abi.KVM_SEV_SNP_PAGE_TYPE_SECRETS,
  cpuid: abi.KVM_SEV_SNP_PAGE_TYPE_CPUID,
} as const;

/**
 * An encrypted guest of AMD's SEV, SEV-ES or SEV-SNP, as the commands of KVM_MEMORY_ENCRYPT_OP see it; `vm.sev` gives it. In the kernel's
 * documents: x86/amd-memory-encryption.rst. Every command throws `KvmError` when the kernel or the firmware refuses; where the firmware
 * did, the hint has its number.
 */
export class Sev extends SevMigrationCommands {
  /**
   * Makes the encryption context of an SNP guest. KVM_SEV_SNP_LAUNCH_START.
   *
   * @param options.policy what may be done to the guest: bits of the firmware's specification, of which bit 17 must be set.
   * @param options.gosvw 16 bytes that tell the guest of workarounds it needs.
   */
  snpLaunchStart(options: { policy: bigint; gosvw?: Uint8Array }): void {
    const { policy, gosvw } = optionsOf(options, 'the launch of an SNP guest', ['policy', 'gosvw']);
    const workarounds = gosvw === undefined ? [] : blobFor(gosvw, 'gosvw', 16);
    this.command(abi.KVM_SEV_SNP_LAUNCH_START, abi.KvmSevSnpLaunchStart.from({ policy, gosvw: workarounds }));
  }

  /**
   * Puts pages into the guest's private memory, encrypted and measured. Its slot has guest_memfd behind it, and the pages are private by
   * their attributes. KVM_SEV_SNP_LAUNCH_UPDATE.
   */
  snpLaunchUpdate(pages: SnpPages): void {
    const {
      gfnStart,
      type = 'normal',
      memory,
      offset = 0,
      size,
    } = optionsOf(pages, 'pages of an SNP guest', ['gfnStart', 'type', 'memory', 'offset', 'size']);
    const kind = oneOf(pageTypes, type, 'the type of the pages');
    const bytes = partOf(memory, offset, size);
    const data = abi.KvmSevSnpLaunchUpdate.from({
      gfnStart: u64(gfnStart, 'gfnStart'),
      uaddr: type === 'zero' ? 0n : this.addressOf(bytes),
      len: BigInt(bytes.length),
      type: kind,
    });
    // The kernel may stop at any page, and says in the struct where.
    for (let left = data.len; left > 0n; left = data.len) {
      this.command(abi.KVM_SEV_SNP_LAUNCH_UPDATE, data, [bytes]);
      if (data.len >= left) break;
    }
  }

  /** The guest is ready to run. KVM_SEV_SNP_LAUNCH_FINISH. */
  snpLaunchFinish(options: SnpFinish = {}): void {
    const {
      idBlock,
      idAuth,
      authKey = false,
      vcekDisabled = false,
      hostData,
    } = optionsOf(options, 'an SNP guest', ['idBlock', 'idAuth', 'authKey', 'vcekDisabled', 'hostData']);
    const hasId = idBlock !== undefined || idAuth !== undefined;
    const block = hasId ? blobFor(idBlock as Uint8Array, 'idBlock', 96) : new Uint8Array(0);
    const auth = hasId ? blobFor(idAuth as Uint8Array, 'idAuth', 4096) : new Uint8Array(0);
    const data = abi.KvmSevSnpLaunchFinish.from({
      idBlockUaddr: this.addressOf(block),
      idAuthUaddr: this.addressOf(auth),
      idBlockEn: Number(hasId),
      authKeyEn: Number(boolean(authKey, 'authKey')),
      vcekDisabled: Number(boolean(vcekDisabled, 'vcekDisabled')),
      hostData: hostData === undefined ? [] : blobFor(hostData, 'hostData', 32),
    });
    this.command(abi.KVM_SEV_SNP_LAUNCH_FINISH, data, [block, auth]);
  }

  /** Has the guest's requests for the host's certificates come as exits, `ExitReason.SnpReqCerts`. KVM_SEV_SNP_ENABLE_REQ_CERTS. */
  snpEnableReqCerts(): void {
    this.command(abi.KVM_SEV_SNP_ENABLE_REQ_CERTS);
  }
}
