/** One difference between two models. */
export interface Change {
  /** The kind of declaration that changed. */
  kind: 'capability' | 'exit reason' | 'constant' | 'function' | 'ioctl' | 'struct' | 'member';
  /** For a member its path: "kvm_run.exit_reason". */
  name: string;
  change: 'added' | 'removed' | 'renumbered' | 'grown' | 'shrunk' | 'moved' | 'retyped';
  /** The old and the new state; null where there is none. */
  before: string | null;
  after: string | null;
  /** Whether a program made for A works with B, both in source and as a binary. */
  compatible: boolean;
}

export interface Diff {
  arch: string;
  /** The compiler's name for the target. */
  triple: string;
  /** The kernels of the two models. */
  from: string;
  to: string;
  /** Incompatible changes first, then by kind and name. */
  changes: Change[];
}

const kindOrder: readonly Change['kind'][] = [
  'ioctl',
  'capability',
  'exit reason',
  'struct',
  'member',
  'constant',
  'function',
];

export function compareChanges(a: Change, b: Change): number {
  return (
    Number(a.compatible) - Number(b.compatible) ||
    kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
    (a.change < b.change ? -1 : a.change > b.change ? 1 : 0)
  );
}

export function isCompatible({ changes }: Diff): boolean {
  return changes.every(({ compatible }) => compatible);
}
