import { isCapability } from '../facts/capabilities.js';
import { notExitReasons } from '../facts/exits.js';
import type { AbiFunction, Constant, Ioctl, Model } from '../model/model.js';
import { spell } from '../model/spelling.js';
import type { Change } from './change.js';

/** What happened to constants: object-like macros and enumerators. */
export function diffConstants(a: Model, b: Model): Change[] {
  const counts = new Set(b.enums.flatMap(({ members }) => members.slice(-1)));
  return diffByName(a.constants, b.constants, {
    kind: kindOf,
    text: ({ value }) => value,
    both: (before, after) => {
      const same = { kind: kindOf(after), name: after.name };
      if (before.value !== after.value) {
        const compatible = isCount(before, after, counts);
        const change = compatible ? 'grown' : 'renumbered';
        return [{ ...same, change, before: before.value, after: after.value, compatible }];
      }
      const [was, is] = [typeText(before), typeText(after)];
      return was === is ? [] : [{ ...same, change: 'retyped', before: was, after: is, compatible: false }];
    },
  });
}

/** Whether a constant is the count at the end of an enum. It grows with the enum, and nothing is renumbered. */
function isCount(before: Constant, after: Constant, last: ReadonlySet<string>): boolean {
  const grew = BigInt(before.value) < BigInt(after.value);
  return (
    grew && after.kind === 'enumerator' && last.has(after.name) && /_(?:MAX|NR|NUM|COUNT|END|LAST)$/.test(after.name)
  );
}

function kindOf({ name }: Constant): Change['kind'] {
  if (isCapability(name)) return 'capability';
  return name.startsWith('KVM_EXIT_') && !notExitReasons.includes(name) ? 'exit reason' : 'constant';
}

/** A `long long` counts as another type, because bindings represent it differently. */
function typeText({ type }: Constant): string {
  return `${type.signed ? 'signed' : 'unsigned'}, ${type.size} bytes${type.longLong ? ', long long' : ''}`;
}

/** What happened to ioctls. The number is the ABI; the struct's name decides what a binding takes. */
export function diffIoctls(a: Model, b: Model): Change[] {
  return diffByName(a.ioctls, b.ioctls, {
    kind: () => 'ioctl',
    text: describe,
    both: (before, after) => {
      const same = { kind: 'ioctl', name: after.name, compatible: false } as const;
      if (before.request !== after.request) {
        return [{ ...same, change: 'renumbered', before: describe(before), after: describe(after) }];
      }
      const [was, is] = [argument(before), argument(after)];
      return was === is ? [] : [{ ...same, change: 'retyped', before: was, after: is }];
    },
  });
}

function describe(ioctl: Ioctl): string {
  return `0x${ioctl.request.toString(16)}, ${argument(ioctl)}${ioctl.size === 0 ? '' : ` of ${ioctl.size} bytes`}`;
}

function argument({ argument: type }: Ioctl): string {
  if (type === null) return 'no struct';
  return type.kind === 'int' || type.kind === 'enum' ? `${type.signed ? 'signed' : 'unsigned'} integer` : spell(type);
}

/** What happened to function-like macros. Their bodies are compared as a whole. */
export function diffFunctions(a: Model, b: Model): Change[] {
  const meaning = ({ parameters, body }: AbiFunction): string => JSON.stringify([parameters, body]);
  return diffByName(a.functions, b.functions, {
    kind: () => 'function',
    text: ({ definition }) => definition,
    both: (before, after) =>
      meaning(before) === meaning(after)
        ? []
        : [
            {
              kind: 'function',
              name: after.name,
              change: 'retyped',
              before: before.definition,
              after: after.definition,
              compatible: false,
            },
          ],
  });
}

interface Comparison<T> {
  kind: (item: T) => Change['kind'];
  text: (item: T) => string;
  both: (before: T, after: T) => Change[];
}

function diffByName<T extends { name: string }>(
  a: readonly T[],
  b: readonly T[],
  { kind, text, both }: Comparison<T>,
): Change[] {
  const before = new Map(a.map((item) => [item.name, item]));
  const after = new Map(b.map((item) => [item.name, item]));
  return [
    ...[...before.values()].flatMap((item): Change[] => {
      const other = after.get(item.name);
      if (other) return both(item, other);
      return [
        { kind: kind(item), name: item.name, change: 'removed', before: text(item), after: null, compatible: false },
      ];
    }),
    ...[...after.values()]
      .filter(({ name }) => !before.has(name))
      .map(
        (item): Change => ({
          kind: kind(item),
          name: item.name,
          change: 'added',
          before: null,
          after: text(item),
          compatible: true,
        }),
      ),
  ];
}
