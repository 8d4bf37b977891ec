import type { Architecture, RunHead } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { systemCall } from '../ioctl/system-call.js';

/**
 * The pages of a vCPU that the kernel shares with the process: the run state, the data of port I/O, the coalesced ring.
 *
 * Views of them may outlive the vCPU, move to another ArrayBuffer by `transfer`, and exist in other threads, so the
 * last one cannot be detected. Closing a vCPU therefore replaces the pages with zero pages, which cost nothing until
 * they are accessed, and the address range stays reserved. A view of a closed vCPU reads zeros, and never faults.
 */
export class RunState {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of bytes. `bytes.length` is 0 after a transfer of the buffer, which `kvmRun` exposes. */
  readonly length: number;
  readonly run: RunHead;
  readonly arch: Architecture;
  readonly address: number;

  /** @param bytes a view of the vCPU's pages at `address`. */
  constructor(arch: Architecture, address: number, bytes: Uint8Array<ArrayBuffer>) {
    this.arch = arch;
    this.address = address;
    this.bytes = bytes;
    this.length = bytes.length;
    this.run = arch.abi.KvmRun.at(bytes);
  }

  static map(arch: Architecture, backend: Backend, fd: number, length: number): RunState {
    const address = systemCall('mapping the run state of a vCPU', backend.map(fd, length, 0));
    try {
      return new RunState(arch, address, new Uint8Array(backend.view(address, length)));
    } catch (error) {
      // There is no view of it yet, so it can be unmapped.
      backend.unmap(address, length);
      throw error;
    }
  }
}
