import { words } from '../facts/groups.js';

/** The kernel's snake_case names in TypeScript's two cases. Compound words are split as the `words` table says. */

/** "kvm_irqchip" -> "KvmIrqChip", "USER_MEMORY" -> "UserMemory". */
export function pascal(name: string): string {
  return name
    .split(/[_.]/)
    .filter((word) => word !== '')
    .map((word) => words[word.toLowerCase()] ?? word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}

/** "guest_phys_addr" -> "guestPhysAddr". */
export function camel(name: string): string {
  const result = pascal(name);
  return result.charAt(0).toLowerCase() + result.slice(1);
}
