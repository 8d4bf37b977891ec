import type { IdMap, IdRange, ShareOptions } from '../../machine/document.js';

/** Who has no id in the guest: what Linux calls the overflow id. */
const nobody = 65_534;

type Ids = Required<ShareOptions>['ids'];

/** How the users or the groups of the host and of the guest belong together. */
export interface IdTable {
  /** What the guest sees of an id of the host. */
  toGuest(id: number): number;
  /** What an id of the guest is on the host; undefined for none. */
  toHost(id: number): number | undefined;
}

const same: IdTable = { toGuest: (id) => id, toHost: (id) => id };

/** The guest's root is whoever runs the machine, and all others. */
const squashed = (own: number): IdTable => ({ toGuest: () => 0, toHost: (id) => (id === 0 ? own : undefined) });

function mapped(ranges: readonly IdRange[]): IdTable {
  const find = (id: number, from: 'guest' | 'host', to: 'guest' | 'host'): number | undefined => {
    const range = ranges.find(({ [from]: first, count = 1 }) => id >= first && id < first + count);
    return range && id - range[from] + range[to];
  };
  return { toGuest: (id) => find(id, 'host', 'guest') ?? nobody, toHost: (id) => find(id, 'guest', 'host') };
}

/** The tables of a share. */
export function idTables(ids: Ids): { readonly uids: IdTable; readonly gids: IdTable } {
  if (ids === 'host') return { uids: same, gids: same };
  if (ids === 'squash') {
    return { uids: squashed(process.geteuid?.() ?? 0), gids: squashed(process.getegid?.() ?? 0) };
  }
  const { uids, gids }: IdMap = ids;
  return { uids: mapped(uids), gids: mapped(gids) };
}
