import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { s32 } from '../../../struct/check.js';
import { GenericVm } from '../../../vm/vm.js';
import { sevCommand, tdxCommand } from '../encryption.js';
import { partOf } from '../sev/commands.js';
import { Sev } from '../sev/sev.js';
import { Tdx } from '../tdx.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** A VM whose memory the host cannot read. */
export abstract class X86VmEncryption extends GenericVm<Vcpu> {
  /**
   * This VM as a guest of SEV, SEV-ES or SEV-SNP. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on AMD hosts that have it: `Cap.VmTypes` has the
   * bits of `VmType.Sev` and so on.
   *
   * @param device the descriptor of `/dev/sev`, opened for reading and writing: `fs.openSync('/dev/sev', 'r+')`. It is yours to close, after
   *   the VM; the kernel looks it up for every command.
   */
  sev(device: number): Sev {
    const backend = this.opened();
    return new Sev(
      { command: (command, behind) => this.sevCommand(command, behind), address: (bytes) => backend.address(bytes) },
      s32(device, 'the descriptor of /dev/sev'),
    );
  }

  /**
   * This VM as a trust domain of Intel's TDX. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on Intel hosts that have it: `Cap.VmTypes` has the bit of
   * `VmType.Tdx`. The commands of its vCPUs: `vcpu.tdx`.
   */
  tdx(): Tdx {
    const backend = this.opened();
    return new Tdx({
      command: (command, behind) =>
        tdxCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind))),
      address: (bytes) => backend.address(bytes),
    });
  }

  private sevCommand(command: abi.KvmSevCmd, behind: readonly object[]): void {
    sevCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind)));
  }

  /**
   * Tells the kernel that memory may hold encrypted pages of the guest, which must not move: they are pinned, and stay as long as the VM or until
   * `unregisterEncryptedRegion`. KVM_MEMORY_ENCRYPT_REG_REGION, api.rst 4.111. x86, an SEV guest.
   */
  registerEncryptedRegion(memory: GuestMemory, offset = 0, size?: number): void {
    const { region, bytes, name } = this.encryptedRegion(memory, offset, size);
    this.call(abi.KVM_MEMORY_ENCRYPT_REG_REGION, this.addressOf(region, [bytes]));
    this.hold(name, { memory: bytes, release: memory.hold() });
  }

  /** Lets go of such memory, of the same place and size. KVM_MEMORY_ENCRYPT_UNREG_REGION, api.rst 4.112. x86, an SEV guest. */
  unregisterEncryptedRegion(memory: GuestMemory, offset = 0, size?: number): void {
    const { region, bytes, name } = this.encryptedRegion(memory, offset, size);
    this.call(abi.KVM_MEMORY_ENCRYPT_UNREG_REGION, this.addressOf(region, [bytes]));
    this.hold(name, undefined);
  }

  private encryptedRegion(
    memory: GuestMemory,
    offset: number,
    size: number | undefined,
  ): { region: abi.KvmEncRegion; bytes: Uint8Array; name: string } {
    const bytes = partOf(memory, offset, size);
    const region = abi.KvmEncRegion.from({
      addr: BigInt(this.opened().address(bytes)),
      size: BigInt(bytes.length),
    });
    return { region, bytes, name: `encrypted region ${region.addr} ${region.size}` };
  }
}
