import * as abi from '../../../abi/x86/index.js';
import { integer } from '../../../struct/check.js';
import { EventFd } from '../../../vm/event-fd.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** Connection ids have 24 bits. */
const maxConnection = 0xff_ffff;

/** The calls of a VM for Hyper-V guests. */
export abstract class X86VmHyperV extends GenericVm<Vcpu> {
  /**
   * Makes the guest's SIGNAL_EVENT hypercalls on a connection signal an eventfd, without an exit. Without an eventfd
   * they are exits again. KVM_HYPERV_EVENTFD, api.rst 4.113. x86, Cap.HyperVEventfd.
   *
   * @param connId the connection, of 24 bits.
   */
  setHyperVEventfd(connId: number, eventfd?: EventFd): void {
    integer(connId, 0, maxConnection, 'a connection of Hyper-V');
    this.write(
      abi.KVM_HYPERV_EVENTFD,
      eventfd === undefined
        ? { connId, flags: abi.KVM_HYPERV_EVENTFD_DEASSIGN }
        : { connId, fd: EventFd.descriptorOf(eventfd, 'eventfd') },
    );
  }
}
