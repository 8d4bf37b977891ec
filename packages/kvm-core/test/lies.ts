/** What plain JavaScript can make of a value so that it is not what it says. */

/** The same object, with a property of its own that hides the true one. */
export function lying<T extends object>(value: T, name: string, lie: unknown): T {
  return Object.defineProperty(value, name, { value: lie });
}

/** Its bytes are another owner's from now on. */
export function detached<T extends ArrayBufferView>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

/** What only looks like an object of a class: made of its prototype, or a Proxy of a true one. */
export function fakes<T extends object>(real: T): T[] {
  return [Object.create(Object.getPrototypeOf(real) as object) as T, new Proxy(real, {})];
}
