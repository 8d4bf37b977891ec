import { identityMap } from '@kvm/core/x86';
import { gdt } from './entry-state.js';
import { type Layout, Structures } from './layout.js';
import type { BootEntry } from './plan.js';

/** Adds the tables of long mode, and returns the state in which the 64-bit protocol enters Linux. */
export function addLongMode(layout: Layout, rip: bigint): BootEntry {
  layout.addStructure('the descriptor table', Structures.gdt, gdt('long'));
  layout.addStructure('the page tables', Structures.pageTables, identityMap(Structures.pageTables));
  return { mode: 'long', rip, rax: 0n, rbx: 0n, rsi: Structures.info };
}
