import { KvmError } from '@kvm/core';

/** What a server says of a disk. */
export interface HttpResource {
  readonly url: string;
  readonly size: number;
  /** Changes when the resource does: its ETag, or the time of its last change. */
  readonly identity: string;
}

/** Milliseconds that a server has for an answer. */
export const patience = 30_000;

const longestIdentity = 200;

/**
 * Asks a server for the size of a disk.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a server that cannot be reached, or that does not serve ranges.
 */
export async function probe(url: string): Promise<HttpResource> {
  const refuse = (why: string, hint: string, cause?: unknown): KvmError =>
    new KvmError('ERR_KVM_INVALID_ARGUMENT', `the disk ${url} ${why}`, { hint, cause });
  // The second attempt is for a connection of before that the server has closed meanwhile.
  const ask = (): Promise<Response> => requestRange(url, 0, 1);
  const response = await ask()
    .catch(ask)
    .catch((error: Error) => {
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      throw refuse(`cannot be reached: ${why}`, 'check the address and the network', error);
    });
  await response.body?.cancel();
  if (response.status === 200) throw refuse('is on a server that does not serve ranges', 'download it');
  if (response.status !== 206) throw refuse(`cannot be read: the server says ${response.status}`, 'check the address');
  const { size, identity } = describe(response) ?? {};
  if (size === undefined || identity === undefined) {
    throw refuse('has no size: the server sends no valid Content-Range', 'download it');
  }
  return { url, size, identity };
}

export function requestRange(url: string, position: number, length: number): Promise<Response> {
  // A compressed answer would have other ranges.
  const headers = { range: `bytes=${position}-${position + length - 1}`, 'accept-encoding': 'identity' };
  return fetch(url, { headers, signal: AbortSignal.timeout(patience) });
}

/** What a partial answer says of the whole, and where it begins. */
export function describe({ headers }: Response): { start: number; size: number; identity: string } | undefined {
  const [, start, size] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(headers.get('content-range') ?? '') ?? [];
  if (start === undefined || size === undefined) return undefined;
  const identity = headers.get('etag') ?? headers.get('last-modified') ?? 'of no date';
  return { start: Number(start), size: Number(size), identity: identity.slice(0, longestIdentity) };
}
