import { adoptVm, type SharedVm } from '../../ioctl/shared-vm.js';
import { GenericKvm } from '../../system/kvm.js';
import { type KvmOptions, openSystem } from '../../system/open.js';
import { VmStart } from '../../threads/vm-start.js';
import type { AnyExit, ExitMakers } from '../../vcpu/exit-views.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import type { Architecture, RunHead } from '../architecture.js';

/** A class without its constructor, which programs never call. */
type ClassOf<T> = abstract new (...args: never[]) => T;

/** The classes of an architecture that adds no calls to the generic ones. */
export interface PlainClasses<E extends AnyExit, R extends RunHead, C extends number> {
  /** The host's KVM: an open `/dev/kvm`. It creates VMs and reports what the host supports. */
  readonly Kvm: ClassOf<PlainKvm<E, R, C>> & {
    /**
     * Opens KVM and checks that the kernel has the stable version of the API.
     *
     * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` without permission to open it,
     *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version
     *   12, `ERR_KVM_UNSUPPORTED` on a machine of another architecture.
     */
    open(options?: KvmOptions): PlainKvm<E, R, C>;
  };
  /** A virtual machine: memory, interrupt controllers and vCPUs. `kvm.createVm` creates one. */
  readonly Vm: ClassOf<PlainVm<E, R>> & {
    /**
     * Opens the VM that another thread shared with `share`. This thread closes its own object.
     *
     * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for
     *   anything that `share` did not return.
     */
    from(shared: SharedVm): PlainVm<E, R>;
  };
  /** A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. */
  readonly Vcpu: ClassOf<GenericVcpu<E, R>> & {
    /**
     * Takes the vCPU that another thread gave away with `transfer`. It belongs to this thread from now on.
     *
     * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for anything that
     *   `transfer` did not return.
     */
    from(transferred: TransferredVcpu): GenericVcpu<E, R>;
  };
}

type PlainVm<E extends AnyExit, R extends RunHead> = VmStart<GenericVcpu<E, R>>;
type PlainKvm<E extends AnyExit, R extends RunHead, C extends number> = GenericKvm<PlainVm<E, R>, C>;

export function plainClasses<E extends AnyExit, R extends RunHead, C extends number>(
  arch: Architecture,
  exitMakers: ExitMakers<E>,
): PlainClasses<E, R, C> {
  class Vcpu extends GenericVcpu<E, R> {
    constructor(resources: VcpuResources) {
      super(resources, exitMakers);
    }

    static from(transferred: TransferredVcpu): Vcpu {
      return new Vcpu(adoptVcpu(arch, transferred));
    }
  }
  class Vm extends VmStart<GenericVcpu<E, R>> {
    protected readonly vcpuType = Vcpu;

    static from(shared: SharedVm): Vm {
      return new Vm(adoptVm(arch, shared));
    }
  }
  class Kvm extends GenericKvm<PlainVm<E, R>, C> {
    protected readonly vmType = Vm;

    static open(options: KvmOptions = {}): Kvm {
      return new Kvm(openSystem(arch, options));
    }
  }
  return { Kvm, Vm, Vcpu };
}
