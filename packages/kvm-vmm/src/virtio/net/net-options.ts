import { KvmError } from '@kvm/core';
import type { NameOf } from '../../machine/check-schema.js';
import { bytesOfMac } from './mac.js';
import type { NetOptions } from './open-net.js';

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what the schema does not know of networks. */
export function checkNets(nets: readonly NetOptions[], name: NameOf): readonly NetOptions[] {
  for (const [index, { mac }] of nets.entries()) {
    const [first = 0] = mac === undefined ? [] : bytesOfMac(mac);
    if ((first & 1) === 0) continue;
    const why = `must be the address of one card: ${mac} is one of a group, as every odd first byte says`;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name(`net[${index}].mac`)} ${why}`);
  }
  return nets;
}
