/** Handles as somebody may change them who has them in his hands. */

/** A copy of a handle with parts of it changed; the handle itself stays whole, for others use it. */
export function edited(handle, edits, real) {
  if (edits.length === 0) return handle;
  const copy = copyOf(handle);
  for (const { at, value } of edits) change(copy, at, real(value));
  return copy;
}

function copyOf(value) {
  if (value instanceof Int32Array || value instanceof BigInt64Array) {
    const words = new value.constructor(new SharedArrayBuffer(value.byteLength));
    words.set(value);
    return words;
  }
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copyOf(part)]));
}

/** Puts a value in the place of one part, however deep: which one is in the bits of `at`. */
function change(object, at, value) {
  const names = Object.keys(object);
  if (names.length === 0) return;
  const name = names[at % names.length];
  const part = object[name];
  const rest = Math.floor(at / names.length);
  if (part instanceof Int32Array) part[rest % part.length] = typeof value === 'number' ? value : rest;
  else if (part instanceof BigInt64Array) part[rest % part.length] += typeof value === 'bigint' ? value : BigInt(rest);
  else if (isRecord(part) && rest % 3 > 0) change(part, rest, value);
  // An earlier edit may have put a value there that accepts no assignment.
  else Reflect.set(object, name, value);
}

/** Part of the copy, and no object of the API that an edit before has put there. */
function isRecord(part) {
  return (
    Array.isArray(part) ||
    (typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype)
  );
}
