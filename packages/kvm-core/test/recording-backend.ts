import type { Backend } from '../src/backend/backend.js';

/** One ioctl as a kernel would see it. */
export interface RecordedCall {
  readonly request: number;
  /** What the argument points to, where it does. */
  readonly bytes: Uint8Array | undefined;
  /** The bytes at an address that is in the argument. */
  at(address: bigint): Uint8Array | undefined;
}

/**
 * A backend for architectures without a test host. It opens and maps nothing, and passes each ioctl to `kernel`, which
 * returns the result.
 */
export function recordingBackend(kernel: (call: RecordedCall) => number): Backend {
  const known = new Map<number, Uint8Array>();
  const address = (view: ArrayBufferView): number => {
    const at = 0x1_0000 * (known.size + 1);
    known.set(at, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return at;
  };
  const nothing = (): number => 0;
  return {
    name: 'ffi',
    version: 'none',
    open: nothing,
    close: nothing,
    ioctl: (_, request, argument) =>
      kernel({ request, bytes: known.get(argument), at: (pointer) => known.get(Number(pointer)) }),
    address,
    map: () => 0x1000,
    mapOver: nothing,
    blank: nothing,
    unmap: nothing,
    discard: nothing,
    remove: nothing,
    punchHole: nothing,
    zeroRange: nothing,
    lock: nothing,
    memoryFile: nothing,
    hugePages: nothing,
    view: (_, length) => new ArrayBuffer(length),
    eventfd: nothing,
    duplicate: nothing,
    read: nothing,
    pread: nothing,
    write: nothing,
    poll: nothing,
    epollCreate: nothing,
    epollControl: nothing,
    epollWait: nothing,
    syscall: nothing,
    threadId: nothing,
    interrupt: nothing,
    createTimer: nothing,
    setTimer: nothing,
    deleteTimer: nothing,
  };
}
