import type { TypeRef } from './model.js';

/** A type in C: "struct kvm_regs", "__u8[8]". A record without a tag is just "struct". */
export function spell(type: TypeRef): string {
  return `${innermost(type)}${dimensions(type)}`;
}

/** The declaration of a member: "__u8 data[8]". */
export function spellDeclaration(name: string, type: TypeRef): string {
  return `${innermost(type)} ${name}${dimensions(type)}`;
}

function innermost(type: TypeRef): string {
  switch (type.kind) {
    case 'record':
      return /[.#]/.test(type.name) ? 'struct' : `struct ${type.name}`;
    case 'array':
      return innermost(type.element);
    case 'pointer':
      return 'void *';
    case 'enum':
      return `enum ${type.name}`;
    default:
      return type.name;
  }
}

/** A flexible array has no number, and neither has the array of length 0 that older headers use for one. */
function dimensions(type: TypeRef): string {
  return type.kind === 'array' ? `[${type.count || ''}]${dimensions(type.element)}` : '';
}
