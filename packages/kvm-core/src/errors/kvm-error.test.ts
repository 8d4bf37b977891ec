import { describe, expect, test } from 'vitest';
import { decodeError, encodeError } from './across-threads.js';
import { KvmError } from './kvm-error.js';

const error = new KvmError('ERR_KVM_SYSCALL', 'KVM_RUN: EFAULT', {
  errno: 14,
  ioctl: 'KVM_RUN',
  hint: 'the guest used memory whose backing is not there',
  cause: new TypeError('beneath', { cause: 'the ground' }),
});

describe('an error sent to another thread', () => {
  test('keeps its code, errno, ioctl and hint', () => {
    const there = KvmError.from(JSON.parse(JSON.stringify(error)));
    expect(there).toBeInstanceOf(KvmError);
    const { name, code, message, errno, errnoName, ioctl, hint } = error;
    expect(there).toMatchObject({ name, code, message, errno, errnoName, ioctl, hint });
  });

  test('keeps its stack and its causes if it is encoded', () => {
    const there = decodeError(structuredClone(encodeError(error)));
    expect(there).toBeInstanceOf(KvmError);
    expect(there.stack).toBe(error.stack);
    expect(there.cause).toMatchObject({ name: 'TypeError', message: 'beneath' });
    expect((there.cause as Error).cause).toMatchObject({ message: 'thrown: the ground' });
  });

  test('may be its own cause', () => {
    const circle = new Error('round');
    circle.cause = circle;
    expect(decodeError(structuredClone(encodeError(circle))).message).toBe('round');
  });

  test("keeps the code of Node's error", () => {
    const there = decodeError(encodeError(Object.assign(new Error('away'), { code: 'ENOENT' })));
    expect(there).toMatchObject({ message: 'away', code: 'ENOENT' });
  });
});
