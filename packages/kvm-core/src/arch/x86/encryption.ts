import * as abi from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';

/** The firmware error that the kernel reports if it has not called AMD's firmware. */
const notCalled = 0xffff_ffff;

/** Makes a call. An error names the command and has the firmware's error code. */
export function sevCommand(command: abi.KvmSevCmd, call: () => void): void {
  named(abi.SevCmdId, command.id, call, () => {
    const { error } = command;
    return error === 0 || error === notCalled ? undefined : `the firmware error is 0x${error.toString(16)}`;
  });
}

/** The same for TDX, where the TDX module takes the place of AMD's firmware. */
export function tdxCommand(command: abi.KvmTdxCmd, call: () => void): void {
  named(abi.KvmTdxCmdId, command.id, call, () => {
    const { hwError } = command;
    return hwError === 0n ? undefined : `the error of the TDX module is 0x${hwError.toString(16)}`;
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
