import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from './check.js';

/** `K` if it lists every property of `T`; an incomplete list does not compile. */
type Complete<T, K extends readonly unknown[]> = K & ([Exclude<keyof T, K[number]>] extends [never] ? unknown : never);

/**
 * Checks a caller's object of options, and returns it. An unknown option is refused, even if it is undefined: it is
 * usually a misspelt one, which would be ignored.
 *
 * @param known every option of `T`.
 */
export function optionsOf<T extends object, const K extends readonly (keyof T & string)[]>(
  value: T,
  what: string,
  known: Complete<T, K>,
): T {
  for (const name in objectOf(value, what)) {
    if (!(known as readonly string[]).includes(name))
      throw unknownName(`${what}: there is no option ${name}`, name, known);
  }
  return value;
}

/** The error for an unknown name. The hint has the nearest known name, or all of them if none is near. */
export function unknownName(message: string, name: string, known: readonly string[]): KvmError {
  const [nearest] = known
    .map((each) => ({ each, distance: distanceOf(name.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.max(1, Math.floor(Math.min(each.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  const hint = nearest === undefined ? `known names: ${known.join(', ')}` : `did you mean ${nearest.each}?`;
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { hint });
}

/** A longer name cannot be near to any option; comparing it would only take time. */
const longest = 64;

/** The number of letters to add, remove, replace or swap with the next one to turn one word into the other. */
function distanceOf(from: string, to: string): number {
  if (from.length > longest) return Number.POSITIVE_INFINITY;
  let above: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] as number) + (letter === to[j] ? 0 : 1);
      const isSwapped = i > 0 && j > 0 && letter === to[j - 1] && from[i - 1] === to[j];
      const swapped = isSwapped ? (above[j - 1] as number) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    above = row;
    row = next;
  }
  return row[to.length] as number;
}
