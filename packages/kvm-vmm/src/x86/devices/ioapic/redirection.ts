import type { MsiMessage } from '@kvm/core';

/** Bits of the low half of an entry of the redirection table: 82093AA, 3.2.4. */
export const Redirection = {
  Vector: 0x0000_00ff,
  DeliveryMode: 0x0000_0700,
  LogicalDestination: 0x0000_0800,
  LowActive: 0x0000_2000,
  /** A level-triggered interrupt was delivered, and its end has not been reported. Read-only. */
  RemoteIrr: 0x0000_4000,
  Level: 0x0000_8000,
  Masked: 0x0001_0000,
  /** What the guest can write in the low half, and in the high one: the APIC id or the set of the destination. */
  Writable: 0x0001_afff,
  Destination: 0xff00_0000,
} as const;

const messageAddress = 0xfee0_0000;
const destinationShift = 12;
const logicalAddress = 0x4;
const levelAsserted = 0x4000;

/** An entry of the redirection table: two registers of 32 bits. */
export interface RedirectionEntry {
  low: number;
  high: number;
}

/** The message by which an entry reaches its processors: Intel SDM, volume 3, 12.11. */
export function messageOf({ low, high }: RedirectionEntry): MsiMessage {
  const isLogical = (low & Redirection.LogicalDestination) !== 0;
  const isLevel = (low & Redirection.Level) !== 0;
  const address = messageAddress | ((high >>> 24) << destinationShift) | (isLogical ? logicalAddress : 0);
  const kept = Redirection.Vector | Redirection.DeliveryMode | Redirection.Level;
  return { address: BigInt(address >>> 0), data: (low & kept) | (isLevel ? levelAsserted : 0) };
}
