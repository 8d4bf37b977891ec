import type { Capability, FdKind, Ioctl } from '../abi/ioctl.js';
import type { Abi } from '../arch/architecture.js';
import { bothNames, nameOfCap } from '../arch/names.js';
import { KvmError } from '../errors/kvm-error.js';
import { originOf } from './capability-origin.js';
import type { Descriptor } from './descriptor.js';
import { ioctlError } from './ioctl-error.js';

/** Queries of the host's capabilities through a descriptor, and the errors that depend on them. */

/**
 * The value of a capability, from the nearest open descriptor: the VM, whose values may differ from the host's, or else
 * `/dev/kvm`; -1 if neither answers. It works even if their objects are closed, for messages of later errors.
 */
export function hostCapability(descriptor: Descriptor, kind: FdKind, capability: number): number {
  const { arch, backend } = descriptor;
  // A vCPU's descriptor has no KVM_CHECK_EXTENSION.
  const first = kind === 'vcpu' ? descriptor.parent : descriptor;
  for (let at: Descriptor | undefined = first; at !== undefined; at = at.parent) {
    const answer = at.released ? -1 : backend.ioctl(at.fd, arch.checkExtension, capability);
    if (answer >= 0) return answer;
  }
  return -1;
}

/** The same, cached: for limits of a VM, which change only when a capability is enabled. */
export function cachedCapability(descriptor: Descriptor, kind: FdKind, capability: number): number {
  const known = descriptor.limits.get(capability);
  if (known !== undefined) return known;
  const answer = hostCapability(descriptor, kind, capability);
  descriptor.limits.set(capability, answer);
  return answer;
}

/** The error for a missing capability. */
export function lacking({ arch }: Descriptor, cap: number, what: string): KvmError {
  const capability = capabilityOf(arch.abi, cap);
  return new KvmError('ERR_KVM_UNSUPPORTED', `${what}: this host's KVM lacks ${bothNames(arch.abi, capability)}`, {
    hint: originOf(arch.abi, capability),
  });
}

/** The error for a failed ioctl. */
export function refusal(descriptor: Descriptor, kind: FdKind, ioctl: Ioctl, errno: number): KvmError {
  const ask = (capability: number): number => hostCapability(descriptor, kind, capability);
  return ioctlError(ioctl, kind, errno, ask, descriptor.arch);
}

/** Refuses a capability with an address of this process among its arguments. */
export function refuseAddresses({ Cap }: Abi, cap: number): void {
  // The first argument of both is an address: the kernel writes the eVMCS version there, or shares the TLB there.
  if (cap !== Cap.HyperVEnlightenedVmcs && cap !== Cap.SwTlb) return;
  throw new KvmError('ERR_KVM_UNSAFE', 'this capability takes an address of this process', { ioctl: 'KVM_ENABLE_CAP' });
}

/** KVM_ENABLE_CAP. If the host lacks the capability, the error names it. */
export function enableCapability(
  descriptor: Descriptor,
  kind: FdKind,
  cap: number,
  args: readonly bigint[],
  flags: number,
): void {
  const { abi } = descriptor.arch;
  const { KVM_ENABLE_CAP, KvmEnableCap } = abi;
  const argument = descriptor.addressOf(KvmEnableCap.from({ cap, args, flags }));
  const result = descriptor.ioctl(KVM_ENABLE_CAP.request, argument);
  descriptor.limits.clear();
  if (result >= 0) return;
  const lacks = hostCapability(descriptor, kind, cap) <= 0;
  const ioctl = lacks ? { ...KVM_ENABLE_CAP, capability: capabilityOf(abi, cap), capabilityOn: {} } : KVM_ENABLE_CAP;
  throw refusal(descriptor, kind, ioctl, -result);
}

function capabilityOf({ capNames, capSince }: Abi, cap: number): Capability {
  const since = capSince[cap];
  return { number: cap, name: nameOfCap(capNames, cap), ...(since !== undefined && { since }) };
}
