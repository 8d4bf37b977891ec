/**
 * 32-bit code that waits until the virtio console, the only virtio device, has each of these sizes in turn. It says so
 * with an `R` by an emergency write, and ends with the status 42.
 */
export function sizesGuest(...sizes: readonly (readonly [columns: number, rows: number])[]): Uint8Array {
  const code: number[] = [];
  for (const [columns, rows] of sizes) {
    // again: mov eax, [0xfeb00100]; cmp eax, size; jne again; mov dword [0xfeb00108], 'R'
    code.push(0xa1, 0x00, 0x01, 0xb0, 0xfe, 0x3d, columns & 0xff, columns >> 8, rows & 0xff, rows >> 8, 0x75, 0xf4);
    code.push(0xc7, 0x05, 0x08, 0x01, 0xb0, 0xfe, 0x52, 0x00, 0x00, 0x00);
  }
  // mov al, 42; out 0xf4, al; hlt
  return Uint8Array.of(...code, 0xb0, 0x2a, 0xe6, 0xf4, 0xf4);
}
