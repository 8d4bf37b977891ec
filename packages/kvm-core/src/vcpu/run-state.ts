import type { Architecture, RunHead } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { systemCall } from '../ioctl/system-call.js';

/**
 * The pages of a vCPU that the kernel shares with the process: the run state, the data of port I/O, the coalesced ring.
 *
 * Views of them may outlive the vCPU, move to another ArrayBuffer by `transfer`, and live in other threads: nobody can tell when
 * the last is gone. So the end of a vCPU puts zero pages in their place, which cost nothing while they are not touched, and
 * the addresses stay taken. A view of a closed vCPU reads zeros, and never faults.
 */
export class RunState {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many they are: the bytes no longer say once somebody has transferred their buffer, which `kvmRun` shows. */
  readonly length: number;
  readonly run: RunHead;
  readonly arch: Architecture;
  readonly address: number;

  /** @param bytes those at the address, which is that of a vCPU. */
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
      // Nobody has seen a view of it yet.
      backend.unmap(address, length);
      throw error;
    }
  }
}
