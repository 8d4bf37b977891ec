import { MagicGenError } from '../errors.js';
import { locate, type Token } from './tokens.js';

interface Group {
  opened: Token;
  /** Whether the text around the conditional is in use. */
  outer: boolean;
  /** Whether a branch has been taken. */
  decided: boolean;
  active: boolean;
  hasElse: boolean;
}

/** The conditionals that are open at one point of a file. */
export class Conditionals {
  readonly #groups: Group[] = [];

  /** Whether the text at this point is in use. */
  get active(): boolean {
    return this.#groups.at(-1)?.active ?? true;
  }

  /**
   * `#if`, `#ifdef` or `#ifndef`. The condition is evaluated only where it matters: in skipped text it may be invalid.
   */
  open(directive: Token, condition: () => boolean): void {
    const outer = this.active;
    const active = outer && condition();
    this.#groups.push({ opened: directive, outer, decided: active, active, hasElse: false });
  }

  /** `#elif` or `#else`. */
  next(directive: Token, condition: () => boolean): void {
    const group = this.#top(directive);
    if (group.hasElse) throw new MagicGenError(`#${directive.text} after #else`, locate(directive));
    group.active = group.outer && !group.decided && condition();
    group.decided ||= group.active;
  }

  otherwise(directive: Token): void {
    this.next(directive, () => true);
    this.#top(directive).hasElse = true;
  }

  close(directive: Token): void {
    this.#top(directive);
    this.#groups.pop();
  }

  /** At the end of a file, no conditional may be open. */
  finish(): void {
    const group = this.#groups.at(-1);
    if (group) throw new MagicGenError(`the #${group.opened.text} that opens here has no #endif`, locate(group.opened));
  }

  #top(directive: Token): Group {
    const group = this.#groups.at(-1);
    if (!group) throw new MagicGenError(`#${directive.text} without #if`, locate(directive));
    return group;
  }
}
