import type { VsockModel } from '@kvm/vmm';
import { InvalidArgumentError } from 'commander';

const usage = 'A vsock is the path of a Unix socket, with ,cid=NUMBER behind it for another address than 3.';

/** Sockets between the guest and the host: `v.sock` or `v.sock,cid=4`. */
export function parseVsock(text: string): VsockModel {
  // A path may have commas of its own, so the address is taken from the end.
  const [, path = '', cid] = /^(.*?)(?:,cid=([0-9]{1,15}))?$/s.exec(text) ?? [];
  if (path === '') throw new InvalidArgumentError(usage);
  return { path, ...(cid !== undefined && { cid: Number(cid) }) };
}
