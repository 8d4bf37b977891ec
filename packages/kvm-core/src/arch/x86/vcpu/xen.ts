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

/** The calls of a vCPU for Xen guests. */
export abstract class X86VcpuXen extends GenericVcpu<Exit, KvmRun> {
  /**
   * A Xen attribute, of `XenVcpuAttrType`. KVM_XEN_VCPU_GET_ATTR, api.rst 4.129. x86, Cap.XenHvm with
   * `XenHvmConfigFlag.SharedInfo`.
   */
  getXenVcpuAttr(type: number): abi.KvmXenVcpuAttr {
    const attribute = abi.KvmXenVcpuAttr.from({ type: u16(type, 'the type of an attribute') });
    return this.read(abi.KVM_XEN_VCPU_GET_ATTR, attribute);
  }

  /**
   * Sets a Xen attribute: `{ type: XenVcpuAttrType.VcpuId, u: { vcpuId: 1 } }`. KVM_XEN_VCPU_SET_ATTR, api.rst 4.128.
   * x86, Cap.XenHvm.
   *
   * @throws KvmError `ERR_KVM_UNSAFE` for `XenVcpuAttrType.VcpuInfoHva`, which contains an address: use
   *   `setXenVcpuInfo`.
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
   * Places Xen's vcpu_info of this vCPU, 64 bytes, in memory that may be outside of the guest. Without arguments it is
   * removed. KVM_XEN_VCPU_SET_ATTR of KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA, api.rst 4.128. x86, Cap.XenHvm with
   * `XenHvmConfigFlag.SharedInfoHva`.
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
