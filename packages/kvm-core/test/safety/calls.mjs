import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Finds every public method of every class, so that new methods need not be listed. A member is public if a declaration
 * shows it without `protected`.
 */

const declarations = join(import.meta.dirname, '..', '..', 'dist');

/** The names of public and of protected members in the declarations. */
function declaredNames() {
  const shown = new Set();
  const hidden = new Set(['constructor']);
  for (const file of readdirSync(declarations, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts') || (file.startsWith('abi/') && file !== 'abi/x86/structs.d.ts')) continue;
    const text = readFileSync(join(declarations, file), 'utf8');
    const members = /^ +(protected )?(?:static |abstract |readonly |get |set )*(\w+)[?]?[(<:]/gm;
    for (const [, isProtected, name] of text.matchAll(members)) (isProtected ? hidden : shown).add(name);
  }
  return { shown, hidden };
}

const { shown, hidden } = declaredNames();

/** The methods, accessors and the iterator of an object and its ancestors, in a stable order. */
export function callsOf(object) {
  const calls = [];
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (!shown.has(name) || hidden.has(name) || calls.some((call) => call.name === name)) continue;
      if (typeof descriptor.value === 'function') calls.push({ name, kind: 'method' });
      if (descriptor.get !== undefined) calls.push({ name, kind: 'get' });
      if (descriptor.set !== undefined) calls.push({ name, kind: 'set' });
    }
  }
  if (typeof object[Symbol.iterator] === 'function') calls.push({ name: 'iterated', kind: 'iterate' });
  return calls.sort((a, b) => (a.name + a.kind < b.name + b.kind ? -1 : 1));
}
