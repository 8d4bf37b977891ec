import { expect } from 'vitest';
import * as abi from '../src/abi/x86/index.js';
import type { Sev } from '../src/arch/x86/sev/sev.js';
import type { BackendName } from '../src/backend/backend.js';
import type { Struct, StructType } from '../src/struct/struct.js';
import { type AnsweredCall, answered } from './answered.js';
import { type RealModeGuest, realModeGuest } from './real-mode.js';

/** A descriptor that stands for /dev/sev. */
export const anyDevice = 7;

/** A command as the kernel would see it: answered with what the firmware would write. */
export interface SevCommand {
  command: abi.KvmSevCmd;
  bytes: AnsweredCall['bytes'];
  /** Its struct. */
  data<T extends Struct>(type: StructType<T>): T;
}

/** Gives commands to a kernel that has SEV, which `answer` plays. */
export function withSev(
  backend: BackendName,
  answer: (command: SevCommand) => number,
  use: (sev: Sev, guest: RealModeGuest) => void,
): void {
  using guest = realModeGuest(backend, [0xf4]);
  using _ = answered(backend, abi.KVM_MEMORY_ENCRYPT_OP, ({ bytes, argument }) => {
    const command = abi.KvmSevCmd.at(bytes(argument, abi.KvmSevCmd.size));
    expect(command.sevFd).toBe(anyDevice);
    return answer({
      command,
      bytes,
      data: (type) => {
        const { buffer, byteOffset, byteLength } = bytes(command.data, type.size);
        return new type({ buffer, byteOffset, byteLength });
      },
    });
  });
  use(guest.vm.sev(anyDevice), guest);
}
