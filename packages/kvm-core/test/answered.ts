import { vi } from 'vitest';
import type { Ioctl } from '../src/abi/ioctl.js';
import type { BackendName } from '../src/backend/backend.js';
import { selectBackend } from '../src/backend/select.js';

/** The arguments that a call passed to the kernel. */
export interface AnsweredCall {
  /** The bytes at an address that the call carries, as they are now. */
  bytes(address: number | bigint, length: number): Uint8Array;
  argument: number;
}

export type Answer = (call: AnsweredCall) => number;

/**
 * Answers one ioctl in place of the kernel, for calls that the KVM of this host lacks, so that a test can check their
 * arguments. All other ioctls reach the kernel.
 */
export function answered(name: BackendName, ioctl: Ioctl, answer: Answer): Disposable {
  return allAnswered(name, [[ioctl, answer]]);
}

/** The same for several ioctls at a time. */
export function allAnswered(name: BackendName, answers: readonly (readonly [Ioctl, Answer])[]): Disposable {
  const backend = selectBackend(name);
  const kernel = backend.ioctl.bind(backend);
  const byRequest = new Map(answers.map(([ioctl, answer]) => [ioctl.request, answer]));
  const spy = vi.spyOn(backend, 'ioctl').mockImplementation((fd, request, argument) => {
    const answer = byRequest.get(request);
    if (answer === undefined) return kernel(fd, request, argument);
    const bytes = (address: number | bigint, length: number): Uint8Array =>
      new Uint8Array(backend.view(Number(address), length));
    return answer({ bytes, argument });
  });
  return { [Symbol.dispose]: () => spy.mockRestore() };
}
