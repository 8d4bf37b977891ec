import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { boolean, oneOf, u64 } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import { blobFor, partOf } from './commands.js';
import { SevMigrationCommands } from './migration.js';

/** The argument of `sev.snpLaunchUpdate`. */
export interface SnpPages {
  /** The first guest frame number of the destination. */
  gfnStart: bigint;
  /** The type of the pages; default 'normal'. The content is not read for 'zero'. */
  type?: 'normal' | 'zero' | 'unmeasured' | 'secrets' | 'cpuid';
  /** The content: whole pages, from `offset`. It is copied to the guest's private memory. */
  memory: GuestMemory;
  offset?: number;
  /** Bytes, whole pages; default all from `offset`. */
  size?: number;
}

/** The options of `sev.snpLaunchFinish`. */
export interface SnpFinish {
  /** The owner's ID block with the expected measurement, 96 bytes, and the 4096 bytes that authenticate it. */
  idBlock?: Uint8Array;
  idAuth?: Uint8Array;
  /** Whether `idAuth` also has an author's key; default false. */
  authKey?: boolean;
  /** Whether to forbid the guest to attest with the chip's own key; default false. */
  vcekDisabled?: boolean;
  /** 32 bytes from the host that attestation reports will contain. */
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
 * The commands of KVM_MEMORY_ENCRYPT_OP for a guest of AMD's SEV, SEV-ES or SEV-SNP; `vm.sev` creates it. Kernel
 * documentation: x86/amd-memory-encryption.rst. Every command throws `KvmError` when the kernel or the firmware refuses
 * it. If the firmware did, the hint has its error code.
 */
export class Sev extends SevMigrationCommands {
  /**
   * Creates the encryption context of an SNP guest. KVM_SEV_SNP_LAUNCH_START.
   *
   * @param options.policy the policy of the guest: bits of the firmware's specification. Bit 17 must be set.
   * @param options.gosvw 16 bytes that describe the workarounds which the guest needs.
   */
  snpLaunchStart(options: { policy: bigint; gosvw?: Uint8Array }): void {
    const { policy, gosvw } = optionsOf(options, 'the launch of an SNP guest', ['policy', 'gosvw']);
    const workarounds = gosvw === undefined ? [] : blobFor(gosvw, 'gosvw', 16);
    this.command(abi.KVM_SEV_SNP_LAUNCH_START, abi.KvmSevSnpLaunchStart.from({ policy, gosvw: workarounds }));
  }

  /**
   * Encrypts and measures pages, and writes them to the guest's private memory. The slot must have a guest_memfd, and
   * the attributes of the pages must be private. KVM_SEV_SNP_LAUNCH_UPDATE.
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
    // The kernel may stop at any page, and stores in the struct where it stopped.
    for (let left = data.len; left > 0n; left = data.len) {
      this.command(abi.KVM_SEV_SNP_LAUNCH_UPDATE, data, [bytes]);
      if (data.len >= left) break;
    }
  }

  /** Completes the launch. The guest can then run. KVM_SEV_SNP_LAUNCH_FINISH. */
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

  /**
   * Turns the guest's requests for the host's certificates into exits, `ExitReason.SnpReqCerts`.
   * KVM_SEV_SNP_ENABLE_REQ_CERTS.
   */
  snpEnableReqCerts(): void {
    this.command(abi.KVM_SEV_SNP_ENABLE_REQ_CERTS);
  }
}
