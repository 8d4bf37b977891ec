/** Formats of disks that are not raw, by bytes at an offset, so that errors can name them. */
const signatures: readonly { offset: number; magic: string; what: string }[] = [
  { offset: 0, magic: 'QFI\xfb', what: 'a qcow2 image' },
  { offset: 0, magic: 'QED\0', what: 'a QED image' },
  { offset: 0, magic: 'KDMV', what: 'a VMDK image' },
  { offset: 0, magic: '# Disk DescriptorFile', what: 'a VMDK image' },
  { offset: 0, magic: 'vhdxfile', what: 'a VHDX image' },
  { offset: 0, magic: 'conectix', what: 'a VHD image' },
  { offset: 0x40, magic: '\x7f\x10\xda\xbe', what: 'a VDI image' },
  { offset: 0, magic: 'KVM-COW\n', what: 'an overlay' },
];

/** What a disk is that is no raw image: "a qcow2 image"; undefined if it may be one. */
export function foreignDisk(head: Buffer): string | undefined {
  return signatures.find(({ offset, magic }) => head.indexOf(magic, offset, 'latin1') === offset)?.what;
}
