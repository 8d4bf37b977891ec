import type { LinkPlan } from './plan.js';

/** The open side of the host. Its descriptors belong to this object. */
export interface OpenLink {
  readonly plan: LinkPlan;
  /** Resolves when it can be used, or rejects with what is wrong. */
  readonly ready: Promise<void>;
  /** Gives back all that it has. It is called once. */
  close(): void;
}
