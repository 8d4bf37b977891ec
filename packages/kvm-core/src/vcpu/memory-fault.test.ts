import { expect, test } from 'vitest';
import { answered } from '../../test/answered.js';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { ExitReason, KVM_RUN } from '../abi/x86/index.js';

// guest-memfd.test.ts causes one. No test can cause one by a page with a hardware error.
const EFAULT = 14;
const EINVAL = 22;
const EHWPOISON = 133;

onEachBackend('a KVM_RUN that fails', (backend) => {
  test.each([
    [EFAULT, ExitReason.MemoryFault, true],
    [EHWPOISON, ExitReason.MemoryFault, true],
    [EFAULT, ExitReason.Unknown, false],
    [EHWPOISON, ExitReason.Io, false],
    // The exit reason is that of an earlier run.
    [EINVAL, ExitReason.MemoryFault, false],
  ])('with errno %i and exit reason %i is an exit: %s', (errno, reason, isExit) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    using _ = answered(backend, KVM_RUN, () => {
      vcpu.kvmRun.exitReason = reason;
      vcpu.kvmRun.memoryFault.gpa = 0x7000n;
      return -errno;
    });
    const runs = [() => vcpu.run(), () => vcpu.run({ deadline: performance.now() + 1e6 }), () => vcpu.settle()];
    for (const run of runs) {
      if (isExit) expect(run()).toMatchObject({ reason, memoryFault: { gpa: 0x7000n } });
      else expect(kvmError('ERR_KVM_SYSCALL', run)).toMatchObject({ ioctl: 'KVM_RUN', errno });
    }
  });
});
