import { constants } from 'node:os';
import { KvmError } from '@kvm/core';

const { ECONNREFUSED, ECONNRESET, EPIPE, EMFILE } = constants.errno;

/** The guest has no listener at the port. */
export function refused(port: number): KvmError {
  return error(ECONNREFUSED, `the guest has refused a connection to its vsock port ${port}`, 'is a program listening?');
}

/** The guest has ended the connection without a shutdown. */
export function resetByGuest(): KvmError {
  return error(ECONNRESET, 'the guest has reset the vsock connection');
}

/** A packet that is none of this connection at this time. */
export function invalidPacket(): KvmError {
  return error(ECONNRESET, 'the guest has sent an invalid packet on the vsock connection');
}

/** All connections are gone. */
export function gone(): KvmError {
  return error(ECONNRESET, 'the guest has reset its vsock device, or has ended');
}

/** The guest receives no more. */
export function brokenPipe(): KvmError {
  return error(EPIPE, 'the guest has shut the vsock connection down for receiving');
}

export function tooMany(most: number): KvmError {
  return error(EMFILE, `there are ${most} vsock connections, which is the most there can be`, 'close some of them');
}

function error(errno: number, message: string, hint?: string): KvmError {
  return new KvmError('ERR_KVM_CLOSED', message, { errno, hint });
}
