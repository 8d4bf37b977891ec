/**
 * A guest in the form of a disassembler's listing. Each line has the bytes of an instruction, then a semicolon and the
 * instruction.
 *
 *     code16`
 *       e6 10  ; out 0x10, al
 *       f4     ; hlt
 *     `
 *
 * The bytes are what runs, so no host needs an assembler. `assemble.mjs` writes them, and `listing.test.ts` checks that
 * they match the instructions.
 */
export type Listing = (text: TemplateStringsArray) => Uint8Array<ArrayBuffer>;

/** Code for real mode. */
export const code16: Listing = bytesOf;

/** Code for 32-bit protected mode. */
export const code32: Listing = bytesOf;

/** Code for long mode. */
export const code64: Listing = bytesOf;

function bytesOf({ raw: [text = ''] }: TemplateStringsArray): Uint8Array<ArrayBuffer> {
  const lines = text.split('\n').map((line) => line.split(';', 1)[0]?.trim() ?? '');
  return Uint8Array.from(lines.flatMap((line) => (line === '' ? [] : line.split(' ').map(byteOf))));
}

function byteOf(digits: string): number {
  if (!/^[0-9a-f]{2}$/.test(digits)) throw new Error(`not a byte of a listing: "${digits}"`);
  return Number.parseInt(digits, 16);
}
