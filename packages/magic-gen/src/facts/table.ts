/** A table with nothing inherited: a header's name such as `constructor` or `toString` finds no entry. */
export function table<T extends object>(entries: T): T {
  return Object.setPrototypeOf(entries, null);
}
