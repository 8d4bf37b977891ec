/** A file, folder or link of an initramfs. */
export interface CpioEntry {
  path: string;
  /** File type and permissions, as in stat. */
  mode: number;
  data?: Uint8Array;
}

export const regularFile = 0o100755;
export const folder = 0o040755;
export const symbolicLink = 0o120777;

/** An archive in the format "newc", which the kernel unpacks. Folders must come before their contents. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes, new Uint8Array(-bytes.length & 3));
  };
  for (const [index, { path, mode, data = new Uint8Array() }] of [
    ...entries,
    { path: 'TRAILER!!!', mode: 0 },
  ].entries()) {
    const name = `${path}\0`;
    const fields = [index + 1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, Buffer.byteLength(name), 0];
    add(Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}`));
    add(data);
  }
  return Buffer.concat(parts);
}
