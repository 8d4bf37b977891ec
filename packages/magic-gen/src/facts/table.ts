/** A table that has what is written in it and nothing else: no header's name finds `constructor` or `toString`. */
export function table<T extends object>(entries: T): T {
  return Object.setPrototypeOf(entries, null);
}
