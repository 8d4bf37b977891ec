import * as abi from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import type { GuestMemory } from '../../../memory/guest-memory.js';
import { u16, u32 } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import type { StructInit } from '../../../struct/struct.js';
import { isGuestMemory } from '../../../vm/memory.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';
import { hypercallPages, hypercallPagesName } from '../xen.js';

/** The argument of `vm.setXenHvmConfig`. */
export interface XenHvmConfig {
  /** Flags of `XenHvmConfigFlag` that the value of Cap.XenHvm has; default 0. */
  flags?: number;
  /** The MSR with which the guest requests its hypercall page, from 0x4000_0000 to 0x4fff_ffff; default 0, none. */
  msr?: number;
  /**
   * The hypercall pages in 32-bit mode, whole pages of 4096 bytes. With `XenHvmConfigFlag.InterceptHcall`, KVM makes
   * them, and none may be given.
   */
  pages32?: Uint8Array;
  /** The same for 64-bit mode. */
  pages64?: Uint8Array;
}

const pageSize = 4096;

/** The calls of a VM for Xen guests. */
export abstract class X86VmXen extends GenericVm<Vcpu> {
  /**
   * Makes KVM emulate Xen: a hypercall page, hypercalls as exits, events. The pages are copied, and kept as long as the
   * VM. KVM_XEN_HVM_CONFIG, api.rst 4.28. x86, Cap.XenHvm.
   */
  setXenHvmConfig(config: XenHvmConfig): void {
    this.notShared(hypercallPagesName);
    const {
      flags = 0,
      msr = 0,
      pages32,
      pages64,
    } = optionsOf(config, 'a configuration of Xen', ['flags', 'msr', 'pages32', 'pages64']);
    const backend = this.opened();
    const memory = [hypercallPages(pages32, 'pages32'), hypercallPages(pages64, 'pages64')] as const;
    const [blob32, blob64] = memory;
    const address = (pages: Uint8Array): bigint => (pages.length === 0 ? 0n : BigInt(backend.address(pages)));
    const argument = abi.KvmXenHvmConfig.from({
      flags: u32(flags, 'flags'),
      msr: u32(msr, 'msr'),
      blobAddr32: address(blob32),
      blobAddr64: address(blob64),
      blobSize32: blob32.length / pageSize,
      blobSize64: blob64.length / pageSize,
    });
    this.call(abi.KVM_XEN_HVM_CONFIG, this.addressOf(argument, memory));
    // The kernel reads the pages whenever the guest writes the MSR.
    this.hold(hypercallPagesName, { memory });
  }

  /**
   * A Xen attribute, of `XenAttrType`. KVM_XEN_HVM_GET_ATTR, api.rst 4.127. x86, Cap.XenHvm with
   * `XenHvmConfigFlag.SharedInfo`.
   */
  getXenHvmAttr(type: number): abi.KvmXenHvmAttr {
    return this.read(abi.KVM_XEN_HVM_GET_ATTR, abi.KvmXenHvmAttr.from({ type: u16(type, 'the type of an attribute') }));
  }

  /**
   * Sets a Xen attribute: `{ type: XenAttrType.LongMode, u: { longMode: 1 } }`. KVM_XEN_HVM_SET_ATTR, api.rst 4.126.
   * x86, Cap.XenHvm.
   *
   * @throws KvmError `ERR_KVM_UNSAFE` for `XenAttrType.SharedInfoHva`, which contains an address: use
   *   `setXenSharedInfo`.
   */
  setXenHvmAttr(attribute: StructInit<abi.KvmXenHvmAttr>): void {
    const own = new abi.KvmXenHvmAttr().assign(attribute);
    if (own.type === abi.XenAttrType.SharedInfoHva) {
      throw new KvmError('ERR_KVM_UNSAFE', 'this attribute carries an address of this process', {
        ioctl: 'KVM_XEN_HVM_SET_ATTR',
        hint: 'use setXenSharedInfo()',
      });
    }
    this.write(abi.KVM_XEN_HVM_SET_ATTR, own);
  }

  /**
   * Places the page that Xen shares with the guest, in memory that may be outside of the guest. Without arguments it is
   * removed. KVM_XEN_HVM_SET_ATTR of KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, api.rst 4.126. x86, Cap.XenHvm with
   * `XenHvmConfigFlag.SharedInfoHva`.
   *
   * @param offset bytes from the start of `memory`, whole pages.
   */
  setXenSharedInfo(memory?: GuestMemory, offset = 0): void {
    const name = 'Xen shared info';
    this.notShared(name);
    if (memory === undefined) {
      this.setSharedInfo(0n, []);
      this.hold(name, undefined);
      return;
    }
    isGuestMemory(memory);
    const page = memory.bytes(offset, pageSize);
    this.setSharedInfo(BigInt(this.opened().address(page)), [page]);
    this.hold(name, { memory: page, release: memory.hold() });
  }

  private setSharedInfo(hva: bigint, behind: readonly object[]): void {
    const argument = abi.KvmXenHvmAttr.from({ type: abi.XenAttrType.SharedInfoHva, u: { sharedInfo: { hva } } });
    this.call(abi.KVM_XEN_HVM_SET_ATTR, this.addressOf(argument, behind));
  }

  /**
   * Sends an event to the guest: `{ port, vcpu, priority }`, as an interrupt route of Xen does.
   * KVM_XEN_HVM_EVTCHN_SEND, api.rst 4.135. x86, Cap.XenHvm with `XenHvmConfigFlag.EvtchnSend`.
   */
  sendXenEvtchn(event: StructInit<abi.KvmIrqRoutingXenEvtchn>): void {
    this.write(abi.KVM_XEN_HVM_EVTCHN_SEND, event);
  }
}
