import type { IntegerType } from '../language/integers.js';
import type { Declarations } from '../layout/declarations.js';
import type { Constant, Enum } from './model.js';
import { originOf, type Placed, tokenOf } from './origin.js';

/** The enums that the root headers define, and a constant for each enumerator. */
export function readEnums(
  declarations: Declarations,
  roots: ReadonlySet<string>,
): { enums: Enum[]; constants: Placed[] } {
  const enums: Enum[] = [];
  const constants: Placed[] = [];
  for (const { tag, members, node } of declarations.enums) {
    const origin = originOf(tokenOf(node));
    if (!roots.has(origin.file)) continue;
    enums.push({ name: tag, members, origin });
    for (const member of members) {
      const enumerator = declarations.enumerators.get(member);
      if (!enumerator) continue;
      const token = tokenOf(enumerator.node);
      const { name, value } = enumerator;
      const type = constantType(enumerator.type);
      constants.push({
        position: token.position,
        constant: { name, value: `${value}`, type, kind: 'enumerator', origin: originOf(token) },
      });
    }
  }
  return { enums, constants };
}

export function constantType({ size, signed, base }: IntegerType): Constant['type'] {
  return { size, signed, longLong: base === 'long long' || base === 'unsigned long long' };
}
