import * as abi from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';

/** What the kernel says of AMD's firmware where it has not called it. */
const notCalled = 0xffff_ffff;

/** Makes a call, whose refusal names the command, and what the firmware says of it. */
export function sevCommand(command: abi.KvmSevCmd, call: () => void): void {
  named(abi.SevCmdId, command.id, call, () => {
    const { error } = command;
    return error === 0 || error === notCalled ? undefined : `the firmware says 0x${error.toString(16)}`;
  });
}

/** The same for TDX, whose module stands where AMD's firmware does. */
export function tdxCommand(command: abi.KvmTdxCmd, call: () => void): void {
  named(abi.KvmTdxCmdId, command.id, call, () => {
    const { hwError } = command;
    return hwError === 0n ? undefined : `the TDX module says 0x${hwError.toString(16)}`;
  });
}

function named(
  names: Readonly<Record<string, number>>,
  id: number,
  call: () => void,
  reason: () => string | undefined,
): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof KvmError) || error.ioctl === undefined) throw error;
    const { code, errno, ioctl } = error;
    const name = Object.keys(names).find((each) => names[each] === id);
    const what = code === 'ERR_KVM_UNSUPPORTED' ? "this host's KVM does not have it" : error.errnoName;
    throw new KvmError(code, `${name} by ${ioctl}: ${what}`, {
      ...(errno !== undefined && { errno }),
      ioctl,
      hint: reason() ?? error.hint,
      cause: error,
    });
  }
}
