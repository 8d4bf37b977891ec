import { Cap, KvmError } from '@kvm/core';

/** The handlers of a bundle, which use the package themselves. */
export function setup({ vm, data, end }) {
  if (data.fails) throw new KvmError('ERR_KVM_STATE', 'thrown in a bundle');
  end(vm.checkExtension(Cap.UserMemory));
}
