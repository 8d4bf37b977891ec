/** A class, abstract or not. */
type Class = abstract new (...args: never[]) => object;

/** The members of all groups. */
type All<G extends readonly Class[]> = G extends readonly [infer First extends Class, ...infer Rest extends Class[]]
  ? InstanceType<First> & All<Rest>
  : unknown;

/**
 * A class that extends `base` and has the methods and accessors of each group. A group is an abstract class over
 * `base`, or over an ancestor of it, that keeps the calls of one subject together; it is never instantiated. So a group
 * must not have fields, `#private` members or a constructor: `kept` of `KvmFd` holds the state of a group.
 *
 * @throws TypeError if two groups have a member of the same name.
 */
export function withGroups<B extends Class, const G extends readonly Class[]>(
  base: B,
  ...groups: G
): abstract new (
  ...args: ConstructorParameters<B>
) => InstanceType<B> & All<G> {
  const Grouped = class extends (base as unknown as new () => object) {};
  for (const group of groups) {
    for (const [name, member] of membersOf(group.prototype, base.prototype)) {
      if (Object.hasOwn(Grouped.prototype, name)) {
        throw new TypeError(`${group.name} has a member ${String(name)} that another group of ${base.name} has, too`);
      }
      Object.defineProperty(Grouped.prototype, name, member);
    }
  }
  return Grouped as never;
}

/** The members of a group, and of the classes that it extends, except for those that `base` has already. */
function membersOf(group: object, base: object): [PropertyKey, PropertyDescriptor][] {
  const members: [PropertyKey, PropertyDescriptor][] = [];
  for (let at = group; at !== base && !isAncestor(at, base); at = Object.getPrototypeOf(at)) {
    const descriptors = Object.getOwnPropertyDescriptors(at) as Record<PropertyKey, PropertyDescriptor>;
    for (const name of Reflect.ownKeys(descriptors)) {
      if (name !== 'constructor') members.push([name, descriptors[name] as PropertyDescriptor]);
    }
  }
  return members;
}

function isAncestor(prototype: object, of: object): boolean {
  return Object.prototype.isPrototypeOf.call(prototype, of);
}
