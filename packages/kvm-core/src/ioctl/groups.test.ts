import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withGroups } from './groups.js';

class Base {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  protected greeting(): string {
    return `I am ${this.name}`;
  }

  level(): number {
    return 0;
  }
}

abstract class Speaking extends Base {
  speak(): string {
    return this.greeting();
  }
}

abstract class Counting extends Base {
  get length(): number {
    return this.name.length;
  }

  override level(): number {
    return super.level() + 1;
  }
}

abstract class CountingTwice extends Counting {
  twice(): number {
    return 2 * this.length;
  }
}

describe('a class with groups', () => {
  class Whole extends withGroups(Base, Speaking, CountingTwice) {}

  it('has the methods and accessors of all its groups, and of the classes these extend', () => {
    const whole = new Whole('Eve');
    expect([whole.speak(), whole.length, whole.twice(), whole.level()]).toEqual(['I am Eve', 3, 6, 1]);
    expect(whole).toBeInstanceOf(Base);
  });

  it('is two levels from its base, for any number of groups', () => {
    expect(Object.getPrototypeOf(Object.getPrototypeOf(Whole.prototype))).toBe(Base.prototype);
  });

  it('refuses two groups with a member of the same name', () => {
    abstract class Shouting extends Base {
      speak(): string {
        return this.greeting().toUpperCase();
      }
    }
    expect(() => withGroups(Base, Speaking, Shouting)).toThrow(
      'Shouting has a member speak that another group of Base has, too',
    );
  });
});

describe('the groups of this package', () => {
  const src = join(import.meta.dirname, '..');
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('abi'))
    .map((name) => readFileSync(join(src, name), 'utf8'));
  const listed = new Set(
    sources.flatMap((text) =>
      [...text.matchAll(/withGroups\(([^)]*)\)/g)].flatMap(([, list = '']) =>
        [...list.replaceAll(/<[^>]*>/g, '').matchAll(/\w+/g)].slice(1).map(([name]) => name),
      ),
    ),
  );
  const bodies = sources.flatMap((text) =>
    [...text.matchAll(/^export abstract class (\w+)[^{]*\{$(.*?)^\}$/gms)]
      .filter(([, name = '']) => listed.has(name))
      .map(([, name = '', body = '']) => ({ name, body })),
  );

  it('are all checked', () => {
    expect(bodies.map(({ name }) => name).sort()).toEqual([...listed].filter((name) => name !== 'G').sort());
    expect(bodies.length).toBeGreaterThan(30);
  });

  // The constructor of a group never runs, so it cannot initialise anything.
  it.each(bodies)('$name has no field, no #private member and no constructor', ({ body }) => {
    expect(body).not.toMatch(/^ {2}#|this\.#|^ {2}constructor\(/m);
    expect(body).not.toMatch(/^ {2}(?! |(?:protected )?abstract )[\w ]+(?:!?: [^({]*)?(?: = .*)?;$/m);
  });
});
