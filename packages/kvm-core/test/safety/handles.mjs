import { deserialize, serialize } from 'node:v8';

/** What programs do to handles by mistake. A handle itself stays whole, for others use it. */
const mistakes = [
  (handle) => structuredClone(handle),
  // As JSON, which has no 64-bit integers.
  (handle) => JSON.parse(JSON.stringify(handle, (_, value) => (typeof value === 'bigint' ? Number(value) : value))),
  // As another process gets it.
  (handle) => deserialize(serialize(handle)),
];

/** Values in the place of one member of a handle. */
const others = [undefined, null, '', {}, new Int32Array(4)];

/** A handle, mostly as it was given, or after a mistake. */
export function mistaken(handle, mistake) {
  if (mistake % 3 === 0) return handle;
  if (mistake < mistakes.length * 2) return mistakes[mistake % mistakes.length](handle);
  const names = Object.keys(handle);
  const name = names[mistake % names.length];
  const part = handle[name];
  // Of a vCPU's handle, that of its VM.
  if (part?.slots !== undefined && mistake % 2 === 0) return { ...handle, [name]: mistaken(part, mistake >> 1) };
  const other = others[mistake % others.length];
  // A handle without a dirty ring is whole.
  return part === undefined ? handle : { ...handle, [name]: other };
}
