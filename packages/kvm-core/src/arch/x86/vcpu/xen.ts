import type { KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { u16 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import { isGuestMemory } from '../../../vm/memory.js';
import type { Exit } from '../exit.js';

/** Bytes of Xen's struct vcpu_info. */
const vcpuInfoSize = 64;

/** What a guest made for Xen wants of a vCPU. */
export abstract class X86VcpuXen extends GenericVcpu<Exit, KvmRun> {
  /** An attribute of Xen's, of `XenVcpuAttrType`. KVM_XEN_VCPU_GET_ATTR, api.rst 4.129. x86, Cap.XenHvm with `XenHvmConfigFlag.SharedInfo`. */
  getXenVcpuAttr(type: number): abi.KvmXenVcpuAttr {
    const attribute = abi.KvmXenVcpuAttr.from({ type: u16(type, 'the type of an attribute') });
    return this.read(abi.KVM_XEN_VCPU_GET_ATTR, attribute);
  }

  /**
   * Sets an attribute of Xen's: `{ type: XenVcpuAttrType.VcpuId, u: { vcpuId: 1 } }`. KVM_XEN_VCPU_SET_ATTR, api.rst 4.128. x86,
   * Cap.XenHvm.
   *
   * @throws KvmError `ERR_KVM_UNSAFE` for `XenVcpuAttrType.VcpuInfoHva`, which carries an address: `setXenVcpuInfo` does it.
   */
  setXenVcpuAttr(attribute: StructInit<abi.KvmXenVcpuAttr>): void {
    const own = new abi.KvmXenVcpuAttr().assign(attribute);
    if (own.type === abi.XenVcpuAttrType.VcpuInfoHva) {
      throw new KvmError('ERR_KVM_UNSAFE', 'this attribute carries an address of this process', {
        ioctl: 'KVM_XEN_VCPU_SET_ATTR',
        hint: 'use setXenVcpuInfo()',
      });
    }
    this.write(abi.KVM_XEN_VCPU_SET_ATTR, own);
  }

  /**
   * Where Xen's 64 bytes about this vCPU lie, in memory that need not be the guest's own; without one, nowhere.
   * KVM_XEN_VCPU_SET_ATTR of KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA, api.rst 4.128. x86, Cap.XenHvm with `XenHvmConfigFlag.SharedInfoHva`.
   *
   * @param offset bytes from the start of `memory`; the 64 bytes must not cross a page.
   */
  setXenVcpuInfo(memory?: GuestMemory, offset = 0): void {
    const name = 'Xen vCPU info';
    this.notShared(name);
    if (memory === undefined) {
      this.setVcpuInfo(0n, []);
      this.hold(name, undefined);
      return;
    }
    isGuestMemory(memory);
    const info = memory.bytes(offset, vcpuInfoSize);
    this.setVcpuInfo(BigInt(this.opened().address(info)), [info]);
    this.hold(name, { memory: info, release: memory.hold() });
  }

  private setVcpuInfo(hva: bigint, behind: readonly object[]): void {
    const argument = abi.KvmXenVcpuAttr.from({ type: abi.XenVcpuAttrType.VcpuInfoHva, u: { hva } });
    this.call(abi.KVM_XEN_VCPU_SET_ATTR, this.addressOf(argument, behind));
  }
}
