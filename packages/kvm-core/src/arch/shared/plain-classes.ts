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

/** The classes of an architecture that adds no calls to those that all have. */
export interface PlainClasses<E extends AnyExit, R extends RunHead, C extends number> {
  /** The whole of a host's KVM: `/dev/kvm`, open. VMs are made here, and what the host can do is asked here. */
  readonly Kvm: ClassOf<PlainKvm<E, R, C>> & {
    /**
     * Opens KVM and checks that the kernel speaks the one stable version of its API.
     *
     * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` when it may not be opened,
     *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version 12,
     *   `ERR_KVM_UNSUPPORTED` on a machine of another architecture.
     */
    open(options?: KvmOptions): PlainKvm<E, R, C>;
  };
  /** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
  readonly Vm: ClassOf<PlainVm<E, R>> & {
    /**
     * The same VM in the Worker that received what `share` returned. That Worker closes its own.
     *
     * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for anything that
     *   `share` did not return.
     */
    from(shared: SharedVm): PlainVm<E, R>;
  };
  /** A virtual CPU. `vm.createVcpu` makes one; the thread that made or received it runs it. */
  readonly Vcpu: ClassOf<GenericVcpu<E, R>> & {
    /**
     * The vCPU that another thread gave away with `transfer`. It belongs to this thread from now on.
     *
     * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for anything that `transfer` did not
     *   return.
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
