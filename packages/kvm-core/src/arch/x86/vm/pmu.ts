import * as abi from '../../../abi/x86/index.js';
import { boolean, list, oneOf } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** What `vm.setPmuEventFilter` takes. */
export interface PmuEventFilter {
  /** What becomes of the events in the list; those that are not in it get the opposite. */
  action: 'allow' | 'deny';
  /** Up to 300: what the guest may write to an event-select MSR, unit mask and event select; or masked entries. */
  events: ArrayLike<bigint>;
  /** Whether the events are masked entries, which `KVM_PMU_ENCODE_MASKED_ENTRY` makes; false. Cap.PmuEventMaskedEvents. */
  masked?: boolean;
  /** The fixed counters that are in the list, one bit each; 0. */
  fixedCounterBitmap?: number;
}

const actions = { allow: abi.PmuEventAction.Allow, deny: abi.PmuEventAction.Deny } as const;

/** What a guest may measure of the processor. */
export abstract class X86VmPmu extends GenericVm<Vcpu> {
  /**
   * Which events the guest's performance counters may count; the others count nothing. Each call replaces the filter before.
   * KVM_SET_PMU_EVENT_FILTER, api.rst 4.120. x86, Cap.PmuEventFilter.
   */
  setPmuEventFilter(filter: PmuEventFilter): void {
    const {
      action,
      events,
      masked = false,
      fixedCounterBitmap = 0,
    } = optionsOf(filter, 'a filter of PMU events', ['action', 'events', 'masked', 'fixedCounterBitmap']);
    this.write(abi.KVM_SET_PMU_EVENT_FILTER, {
      action: oneOf(actions, action, 'the action of a filter'),
      events: list(events, 'the events of a filter'),
      flags: boolean(masked, 'masked') ? abi.PmuEventFlag.MaskedEvents : 0,
      fixedCounterBitmap,
    });
  }
}
