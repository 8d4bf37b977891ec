import * as abi from '../../../abi/x86/index.js';
import { boolean, list, oneOf } from '../../../struct/check.js';
import { optionsOf } from '../../../struct/options.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The argument of `vm.setPmuEventFilter`. */
export interface PmuEventFilter {
  /** What happens to the listed events. All others get the opposite. */
  action: 'allow' | 'deny';
  /** Up to 300 events: unit mask and event select as in an event-select MSR, or masked entries. */
  events: ArrayLike<bigint>;
  /** Whether `events` are masked entries of `KVM_PMU_ENCODE_MASKED_ENTRY`; default false. Cap.PmuEventMaskedEvents. */
  masked?: boolean;
  /** The fixed counters that `action` applies to, one bit each; default 0. */
  fixedCounterBitmap?: number;
}

const actions = { allow: abi.PmuEventAction.Allow, deny: abi.PmuEventAction.Deny } as const;

/** The call that filters the events of the guest's performance counters. */
export abstract class X86VmPmu extends GenericVm<Vcpu> {
  /**
   * Sets the events that the guest's performance counters may count. Other events are not counted. Each call replaces
   * the earlier filter. KVM_SET_PMU_EVENT_FILTER, api.rst 4.120. x86, Cap.PmuEventFilter.
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
