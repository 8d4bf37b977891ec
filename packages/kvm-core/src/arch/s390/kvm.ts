import type { Cap } from '../../abi/s390/groups.js';
import { GenericKvm } from '../../system/kvm.js';
import { type KvmOptions, openSystem } from '../../system/open.js';
import { s390 } from './architecture.js';
import { Vm } from './vm.js';

/** The host's KVM: an open `/dev/kvm`. It creates VMs and reports what the host supports. */
export class Kvm extends GenericKvm<Vm, Cap> {
  /** @internal */
  protected readonly vmType = Vm;

  /**
   * Opens KVM and checks that the kernel has the stable version of the API.
   *
   * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` without permission to open it,
   *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version 12,
   *   `ERR_KVM_UNSUPPORTED` on a machine of another architecture.
   */
  static open(options: KvmOptions = {}): Kvm {
    return new Kvm(openSystem(s390, options));
  }
}
