import { CpuidFeature, CpuidTable, type Kvm, type Vcpu } from '@kvm/core';
import { expect, test } from 'vitest';
import { constantTscKhz } from './tsc-khz.js';

/** A host whose time-stamp counter runs at 2.5 GHz. */
function host(isInvariant: boolean, hasGetTscKhz: boolean): [Kvm, Vcpu] {
  const supported = new CpuidTable([{ function: 0x8000_0007 }]);
  if (isInvariant) supported.enable(CpuidFeature.InvariantTsc);
  const kvm = { getSupportedCpuid: () => [...supported], checkExtension: () => (hasGetTscKhz ? 1 : 0) };
  return [kvm as unknown as Kvm, { getTscKhz: () => 2_500_000 } as Vcpu];
}

test('a guest learns the frequency of a constant counter only, if KVM knows it', () => {
  expect(constantTscKhz(...host(true, true))).toBe(2_500_000);
  expect(constantTscKhz(...host(true, false))).toBeUndefined();
  expect(constantTscKhz(...host(false, true))).toBeUndefined();
});
