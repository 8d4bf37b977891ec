import { words } from '../facts/groups.js';

/** The kernel's snake_case names in TypeScript's two cases. The `words` table says how compound words are split. */

/** "kvm_irqchip" -> "KvmIrqChip", "USER_MEMORY" -> "UserMemory". */
export function pascal(name: string): string {
  const result = name
    .split(/[_.]/)
    .filter((word) => word !== '')
    .map((word) => words[word.toLowerCase()] ?? word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
  // A name may not begin with a digit, nor be empty.
  return /^(?:\d|$)/.test(result) ? `_${result}` : result;
}

/** "guest_phys_addr" -> "guestPhysAddr". */
export function camel(name: string): string {
  const result = pascal(name);
  return result.charAt(0).toLowerCase() + result.slice(1);
}

/** The members of every struct class, which no member of a C struct may hide. */
const taken = new Set([
  'bytes',
  'view',
  'assign',
  'equals',
  'toJSON',
  'constructor',
  'parts',
  'toString',
  'toLocaleString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
]);

/** The name of a struct's member: camel case, with a suffix where every struct class has a member of that name. */
export function memberName(name: string): string {
  const result = camel(name);
  return taken.has(result) ? `${result}Member` : result;
}
