import { expect, test } from 'vitest';
import { kvmError } from '../../../test/errors.js';
import { recordingBackend } from '../../../test/recording-backend.js';
import * as abi from '../../abi/powerpc/index.js';
import { Descriptor } from '../../ioctl/descriptor.js';
import { createResources } from '../../vcpu/resources.js';
import { powerpc } from './architecture.js';
import { Vcpu } from './vcpu.js';

/** No test host has KVM_CAP_SW_TLB: this checks the argument that the kernel would get. */
test('dirtyTlb passes the changed entries of the TLB', () => {
  const backend = recordingBackend(({ request, bytes, at }) => {
    if (request !== abi.KVM_DIRTY_TLB.request) return 1;
    const { bitmap, numDirty } = abi.KvmDirtyTlb.at(bytes as Uint8Array);
    expect([numDirty, at(bitmap)?.length]).toEqual([2, 8]);
    return 0;
  });
  const vcpu = new Vcpu(createResources(new Descriptor(powerpc, backend, 3), 5, 0, abi.KvmRun.size, 0));
  vcpu.dirtyTlb(BigUint64Array.of(3n), 2);
  kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.dirtyTlb(BigUint64Array.of(3n), 65));
  kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.dirtyTlb(Uint8Array.of(3) as never, 1));
});
