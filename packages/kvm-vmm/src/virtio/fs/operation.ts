import type { StructType } from '@kvm/core/struct';
import type { Chain } from '../chain.js';

/** What the server does about a request of one kind. */
export interface Operation {
  /** Bytes of arguments before names and data: less is no such request. */
  readonly takes: number;
  /** Bytes of arguments that the answer has always: without room for them nothing is done. */
  readonly gives: number;
  /** Whether it changes something: refused where the guest may only read. */
  readonly changes: boolean;
  /** Whether the bytes behind `takes` stay in the guest's memory. */
  readonly hasData: boolean;
  /** Whether it is never answered. */
  readonly isSilent: boolean;
  /** Returns how many bytes of arguments the answer has, or -errno. */
  run(chain: Chain): number;
}

/** By the numbers of requests. */
export type Operations = Readonly<Record<number, Operation>>;

/** An operation that only reads, unless `more` says otherwise. */
export function operation(
  takes: Pick<StructType, 'size'> | undefined,
  gives: Pick<StructType, 'size'> | undefined,
  run: Operation['run'],
  more: Partial<Operation> = {},
): Operation {
  const sizes = { takes: takes?.size ?? 0, gives: gives?.size ?? 0 };
  return { ...sizes, changes: false, hasData: false, isSilent: false, ...more, run };
}

/** For an operation that changes something. */
export const changes = { changes: true } as const;
