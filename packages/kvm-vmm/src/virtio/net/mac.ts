/** The bytes of an address such as `52:54:00:12:34:56`. */
export function bytesOfMac(mac: string): number[] {
  return mac.split(':').map((byte) => Number.parseInt(byte, 16));
}
