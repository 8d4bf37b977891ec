import { KvmError } from '@kvm/core';

/** Where virtio devices are that are behind memory-mapped registers: a page each, below the I/O APIC. */
const firstPage = 0xfeb0_0000n;
const pageSize = 0x1000n;
/**
 * An edge is for one device alone. The inputs of the I/O APIC beyond the ISA ones come first; then those that no device
 * of this machine has.
 */
const gsis = [16, 17, 18, 19, 20, 21, 22, 23, 10, 11, 9, 12, 14, 15, 6, 7, 3];

export interface VirtioSlot {
  /** Guest-physical address of its registers. */
  readonly start: bigint;
  readonly length: bigint;
  readonly gsi: number;
}

/** The place of the virtio device with this index. */
export function virtioSlot(index: number): VirtioSlot {
  const gsi = gsis[index];
  if (gsi === undefined) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `a machine has up to ${gsis.length} virtio devices by MMIO`);
  }
  return { start: firstPage + BigInt(index) * pageSize, length: pageSize, gsi };
}

/**
 * The parameters by which Linux finds so many devices without ACPI. Its driver knows them if it was built with
 * CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES.
 */
export function virtioParameters(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const { start, length, gsi } = virtioSlot(index);
    return `virtio_mmio.device=${length / 1024n}K@0x${start.toString(16)}:${gsi}`;
  }).join(' ');
}
