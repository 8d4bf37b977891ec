import { deserialize, serialize } from 'node:v8';

/** Mistakes of programs with handles. Each returns a copy, because others use the handle itself. */
const mistakes = [
  (handle) => structuredClone(handle),
  // As JSON, which has no 64-bit integers.
  (handle) => JSON.parse(JSON.stringify(handle, (_, value) => (typeof value === 'bigint' ? Number(value) : value))),
  // Like a message to another process.
  (handle) => deserialize(serialize(handle)),
];

/** Values to replace one member of a handle with. */
const others = [undefined, null, '', {}, new Int32Array(4)];

/** A handle, unchanged or after a mistake. */
export function mistaken(handle, mistake) {
  if (mistake % 3 === 0) return handle;
  if (mistake < mistakes.length * 2) return mistakes[mistake % mistakes.length](handle);
  const names = Object.keys(handle);
  const name = names[mistake % names.length];
  const part = handle[name];
  // The handle of the VM in a vCPU's handle.
  if (part?.slots !== undefined && mistake % 2 === 0) return { ...handle, [name]: mistaken(part, mistake >> 1) };
  const other = others[mistake % others.length];
  // A handle without a dirty ring is valid.
  return part === undefined ? handle : { ...handle, [name]: other };
}
