import * as abi from '../../../abi/x86/index.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { s32 } from '../../../struct/check.js';
import { GenericVm } from '../../../vm/vm.js';
import { sevCommand, tdxCommand } from '../encryption.js';
import { partOf } from '../sev/commands.js';
import { Sev } from '../sev/sev.js';
import { Tdx } from '../tdx.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The calls for a VM with encrypted memory. */
export abstract class X86VmEncryption extends GenericVm<Vcpu> {
  /**
   * The commands of SEV, SEV-ES and SEV-SNP for this VM. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on AMD hosts that
   * have it: `Cap.VmTypes` has the bits of `VmType.Sev` and so on.
   *
   * @param device the descriptor of `/dev/sev`, open for reading and writing: `fs.openSync('/dev/sev', 'r+')`. You
   *   close it, after the VM, because the kernel uses it for every command.
   */
  sev(device: number): Sev {
    const backend = this.opened();
    return new Sev(
      {
        command: (command, behind) => this.sevCommand(command, behind),
        address: (bytes) => backend.address(bytes),
        vm: this,
      },
      s32(device, 'the descriptor of /dev/sev'),
    );
  }

  /**
   * The commands of Intel TDX for this VM. KVM_MEMORY_ENCRYPT_OP, api.rst 4.110. x86, on Intel hosts that have it:
   * `Cap.VmTypes` has the bit of `VmType.Tdx`. `vcpu.tdx` has the commands for vCPUs.
   */
  tdx(): Tdx {
    const backend = this.opened();
    return new Tdx({
      command: (command, behind) =>
        tdxCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind))),
      address: (bytes) => backend.address(bytes),
      shown: { vm: this },
    });
  }

  private sevCommand(command: abi.KvmSevCmd, behind: readonly object[]): void {
    sevCommand(command, () => this.call(abi.KVM_MEMORY_ENCRYPT_OP, this.addressOf(command, behind)));
  }

  /**
   * Registers memory that may hold encrypted pages of the guest. The kernel pins it, because such pages must not move.
   * The memory is kept until `unregisterEncryptedRegion` or the end of the VM. KVM_MEMORY_ENCRYPT_REG_REGION, api.rst
   * 4.111. x86, an SEV guest.
   */
  registerEncryptedRegion(memory: GuestMemory, offset = 0, size?: number): void {
    const { region, bytes, name } = this.encryptedRegion(memory, offset, size);
    this.call(abi.KVM_MEMORY_ENCRYPT_REG_REGION, this.addressOf(region, [bytes]));
    this.hold(name, { memory: bytes, release: memory.hold() });
  }

  /**
   * Unregisters memory that was registered with the same offset and size. KVM_MEMORY_ENCRYPT_UNREG_REGION, api.rst
   * 4.112. x86, an SEV guest.
   */
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
