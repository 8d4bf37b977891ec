import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What can be called: every public method of every class, found out and not listed, so that a new one is called from its first day.
 * "Public" is what the declarations do not call protected.
 */

const declarations = join(import.meta.dirname, '..', '..', 'dist');

/** Names of protected members, which TypeScript's users cannot call. */
function protectedNames() {
  const names = new Set();
  for (const file of readdirSync(declarations, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts') || file.startsWith('abi/')) continue;
    const text = readFileSync(join(declarations, file), 'utf8');
    for (const [, name] of text.matchAll(/^ +protected (?:static |abstract |readonly |get |set )*(\w+)/gm))
      names.add(name);
  }
  return names;
}

const hidden = new Set([...protectedNames(), 'constructor']);

/** Methods and accessors of an object, and its being iterated, those of its ancestors included, in a stable order. */
export function callsOf(object) {
  const calls = [];
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (hidden.has(name) || calls.some((call) => call.name === name)) continue;
      if (typeof descriptor.value === 'function') calls.push({ name, kind: 'method' });
      else if (descriptor.get !== undefined) calls.push({ name, kind: 'get' });
    }
  }
  if (typeof object[Symbol.iterator] === 'function') calls.push({ name: 'iterated', kind: 'iterate' });
  return calls.sort((a, b) => (a.name < b.name ? -1 : 1));
}
