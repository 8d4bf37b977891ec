/** A class of which an object can be made, though perhaps not of this very class. */
type Class = abstract new (...args: never[]) => object;

/** What an object has that has the members of all groups. */
type All<G extends readonly Class[]> = G extends readonly [infer First extends Class, ...infer Rest extends Class[]]
  ? InstanceType<First> & All<Rest>
  : unknown;

/**
 * A class that extends `base` and has the methods and accessors of each group. A group is an abstract class over `base`, or
 * over an ancestor of it, that keeps the calls of one subject together; it is never instantiated. So a group has no fields, no
 * `#private` members and no constructor of its own: `kept` of `KvmFd` holds what a group needs to remember.
 *
 * @throws TypeError when two groups have members of one name.
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
        throw new TypeError(`${group.name} has a member ${String(name)} that another group of ${base.name} has too`);
      }
      Object.defineProperty(Grouped.prototype, name, member);
    }
  }
  return Grouped as never;
}

/** The members of a group, and of the classes that it extends, up to those that `base` has already. */
function membersOf(group: object, base: object): [PropertyKey, PropertyDescriptor][] {
  const members: [PropertyKey, PropertyDescriptor][] = [];
  for (let at = group; at !== base && !isAncestor(at, base); at = Object.getPrototypeOf(at)) {
    const own = Object.getOwnPropertyDescriptors(at) as Record<PropertyKey, PropertyDescriptor>;
    for (const name of Reflect.ownKeys(own)) {
      if (name !== 'constructor') members.push([name, own[name] as PropertyDescriptor]);
    }
  }
  return members;
}

function isAncestor(prototype: object, of: object): boolean {
  return Object.prototype.isPrototypeOf.call(prototype, of);
}
