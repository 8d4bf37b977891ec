import type { VirtioVsockHdr } from '../../abi/virtio/structs.js';

/** Reads the header of a packet from a ring. */
export function readHeader(header: VirtioVsockHdr, from: Uint8Array, at: number): void {
  const { bytes } = header;
  for (let i = 0; i < bytes.length; i++) bytes[i] = from[at + i] as number;
}

/** Writes the header of a packet into a ring. */
export function writeHeader(header: VirtioVsockHdr, into: Uint8Array, at: number): void {
  const { bytes } = header;
  for (let i = 0; i < bytes.length; i++) into[at + i] = bytes[i] as number;
}
