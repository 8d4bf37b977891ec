import type { KvmIrqRoutingEntry, KvmIrqRoutingEntryU } from '../abi/x86/structs.js';
import type { Abi } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';
import { integer, objectOf, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import type { StructInit } from '../struct/struct.js';

/** A message-signalled interrupt: the address and data of a PCI device's write. */
export interface MsiMessage {
  /** The address of the write: on x86 0xfee00000 and up, with the destination's APIC id from bit 12 on. */
  address: bigint;
  /** The written value: on x86 the vector in the low eight bits. */
  data: number;
  /** The id of the writing device, for controllers that distinguish devices. Cap.MsiDevId. */
  devId?: number;
}

/** A route to a pin of a controller in the kernel. On x86 `irqChip` is one of `IrqChipId`; elsewhere it is 0. */
export interface IrqChipRoute {
  gsi: number;
  irqChip: { irqChip: number; pin: number };
}

/** A route to a message-signalled interrupt. */
export interface MsiRoute {
  gsi: number;
  msi: MsiMessage;
}

/** A route to a synthetic Hyper-V interrupt of one vCPU. x86, Cap.HyperVSynic. */
export interface HvSintRoute {
  gsi: number;
  hvSint: { vcpu: number; sint: number };
}

/**
 * A route to a Xen event channel. `priority` is KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL, the only value. x86, Cap.XenHvm
 * with `XenHvmConfigFlag.Evtchn2level`.
 */
export interface XenEvtchnRoute {
  gsi: number;
  xenEvtchn: { port: number; vcpu: number; priority?: number };
}

/** A route to an adapter interrupt. s390. */
export interface AdapterRoute {
  gsi: number;
  adapter: { indAddr: bigint; summaryAddr: bigint; indOffset: bigint; summaryOffset: number; adapterId: number };
}

/** A route from a GSI to one target. */
export type GsiRoute = IrqChipRoute | MsiRoute | HvSintRoute | XenEvtchnRoute | AdapterRoute;

type Fields = StructInit<KvmIrqRoutingEntry>;
type Target = keyof StructInit<KvmIrqRoutingEntryU>;

/** The kernel's form of a route. `limit` is one more than the largest GSI. */
export function routingEntry(abi: Abi, route: GsiRoute, limit: number): Fields {
  const { IrqRoutingType, MsiFlag, KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL: twoLevel } = abi;
  const { gsi, ...wiring } = objectOf(route, 'a route');
  integer(gsi, 0, limit - 1, 'gsi');
  const [[kind, target] = [], another] = Object.entries(wiring).filter(([, value]) => value !== undefined);
  if (another !== undefined) throw unknown(`${kind} and ${another[0]}`);
  const entry = (type: number, u: Partial<Record<Target, unknown>>, flags = 0): Fields => ({
    gsi,
    type,
    flags,
    u: u as StructInit<KvmIrqRoutingEntryU>,
  });
  const fields = (): object => objectOf(target as object, `the target of a route, ${kind},`);
  switch (kind) {
    case 'irqChip':
      return entry(IrqRoutingType.IrqChip, { irqChip: fields() });
    case 'msi': {
      const message = fields() as MsiMessage;
      const flags = message.devId === undefined ? 0 : MsiFlag.ValidDevId;
      return entry(IrqRoutingType.Msi, { msi: messageFields(message) }, flags);
    }
    case 'hvSint':
      return entry(IrqRoutingType.HvSint, { hvSint: fields() });
    case 'xenEvtchn':
      return entry(IrqRoutingType.XenEvtchn, { xenEvtchn: { priority: twoLevel, ...fields() } });
    case 'adapter':
      return entry(IrqRoutingType.S390Adapter, { adapter: fields() });
    default:
      throw unknown(kind ?? 'nothing');
  }
}

function unknown(what: string): KvmError {
  return new KvmError(
    'ERR_KVM_INVALID_ARGUMENT',
    `a route must have one target of irqChip, msi, hvSint, xenEvtchn, adapter, not ${what}`,
  );
}

/** The kernel's fields of a message: the halves of its address, and its data. */
export function messageFields(message: MsiMessage): {
  addressLo: number;
  addressHi: number;
  data: number;
  devId: number;
} {
  const { address, data, devId = 0 } = optionsOf(message, 'a message', ['address', 'data', 'devId']);
  u64(address, 'the address of a message');
  return {
    addressLo: Number(address & 0xffff_ffffn),
    addressHi: Number(address >> 32n),
    data: u32(data, 'the data of a message'),
    devId: u32(devId, 'devId'),
  };
}
