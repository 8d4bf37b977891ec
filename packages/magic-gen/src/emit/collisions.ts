import { exitMembers } from '../facts/exits.js';
import { fieldsOf, hasName, recordsByName } from '../model/lookup.js';
import type { Model, Origin } from '../model/model.js';
import { literal } from './constants.js';
import { reserved } from './functions.js';
import { groupNames } from './groups.js';
import { memberName, pascal } from './names.js';
import { isKvm } from './output.js';
import { emitError } from './source.js';

/** Names that the output imports, defines or uses itself. */
const own = new Set(
  (
    'AbiExit BigInt BigInt64Array BigUint64Array FieldInit FlexStruct Int16Array Int32Array Int8Array Ioctl Math ' +
    'Number Readonly Record Struct StructArray Uint16Array Uint32Array Uint8Array big bigInteger capacity ' +
    'elementCount elementsOf enum exitViews fill foreignIoctls getBigBits getBits globalThis integer integers ' +
    'nested null rows s16 s32 s64 s8 setBigBits setBits structs true false u16 u32 u64 u8 undefined break case ' +
    'const continue default do else for if return switch void while'
  ).split(' '),
);

/**
 * @throws MagicGenError where two names of the headers, or one and a name that TypeScript uses, coincide in the output.
 */
export function checkNames(model: Model): void {
  const seen = new Map<string, string>(
    isKvm(model) ? groupNames(model).map((name) => [name, `the group ${name}`]) : [],
  );
  const take = (name: string, what: string, origin: Origin): void => {
    const other = reserved.has(name) || own.has(name) ? 'a name that TypeScript or the output uses' : seen.get(name);
    if (other !== undefined) throw emitError(`${what} cannot be called ${name}: that is ${other}`, origin);
    seen.set(name, what);
  };
  for (const { name, origin } of model.constants) take(name, `the constant ${name}`, origin);
  for (const { name, origin } of model.enums) if (name !== null) take(pascal(name), `enum ${name}`, origin);
  for (const { name, origin } of model.functions) take(name, `the macro ${name}`, origin);
  for (const { name, origin } of model.ioctls) take(name, `the ioctl ${name}`, origin);
  const records = recordsByName(model);
  for (const record of model.records.filter(hasName)) {
    take(pascal(record.name), `${record.kind} ${record.name}`, record.origin);
    checkMembers(
      record.name,
      fieldsOf(record, records).map(({ name }) => name),
      record.origin,
    );
  }
  if (isKvm(model)) checkNumbers(model);
}

/** Capabilities and exit reasons are numbers in TypeScript, and a number identifies its exit. */
function checkNumbers({ constants }: Model): void {
  const reasons = new Map<string, string>();
  for (const constant of constants) {
    const { name, value, origin } = constant;
    const isReason = exitMembers[name] !== undefined;
    if ((isReason || name.startsWith('KVM_CAP_')) && literal(constant).endsWith('n'))
      throw emitError(`${name} is wider than an int`, origin);
    if (!isReason) continue;
    const other = reasons.get(value);
    if (other !== undefined) throw emitError(`the exit reasons ${name} and ${other} are both ${value}`, origin);
    reasons.set(value, name);
  }
}

function checkMembers(record: string, names: readonly string[], origin: Origin): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const property = memberName(name);
    const other = seen.get(property);
    if (other !== undefined) throw emitError(`${record}.${name} and ${record}.${other} are both ${property}`, origin);
    seen.set(property, name);
  }
}
