/** Images that other architectures and boot loaders take, by bytes at an offset, so that errors can name them. */
const signatures: readonly { offset: number; magic: string; what: string }[] = [
  { offset: 0x38, magic: 'ARM\x64', what: 'an arm64 Image' },
  { offset: 0x38, magic: 'RSC\x05', what: 'a riscv Image' },
  { offset: 0x30, magic: 'RISCV', what: 'a riscv Image' },
  { offset: 0x38, magic: '\xcd\x23\x82\x81', what: 'a loongarch Image' },
  { offset: 0x24, magic: '\x18\x28\x6f\x01', what: 'an arm zImage' },
  { offset: 4, magic: 'zimg', what: 'an EFI image of another architecture, with a compressed kernel' },
  { offset: 0, magic: '\x27\x05\x19\x56', what: 'a U-Boot image' },
  { offset: 0, magic: 'MZ', what: 'an EFI or Windows program without a Linux setup header' },
];

/** What an image is that cannot be booted: "an arm64 Image"; undefined if it is not known. */
export function foreignImage(head: Buffer): string | undefined {
  return signatures.find(({ offset, magic }) => head.indexOf(magic, offset, 'latin1') === offset)?.what;
}
