import { MagicGenError } from '../errors.js';
import { evaluate, type Scope } from '../language/evaluate.js';
import { type Integers, targetIntegers } from '../language/integers.js';
import type { Value } from '../language/literals.js';
import { alignOf, type CType, type RecordType } from '../language/types.js';
import { type Assertion, child, fail, type Syntax, textOf } from '../parse/code.js';
import { parseExpression } from '../parse/parse.js';
import { rewriteExpression } from '../parse/rewrite.js';
import { locate, type Token } from '../preprocess/tokens.js';
import type { TargetDescription } from '../targets/target.js';
import { type Alignment, type LayoutAttributes, readAttributes, refuseAlignas } from './attributes.js';
import { declarators, ownAttributes, shape } from './declarators.js';
import { defineEnum, type EnumDefinition } from './enums.js';
import { defineRecord } from './members.js';
import { sizeLimit } from './record.js';
import { builtinTypes, readIntegerWords } from './specifiers.js';

export interface Enumerator extends Value {
  name: string;
  node: Syntax;
}

/** Everything that a set of declarations declares, laid out for one target, in the order of the text. */
export class Declarations implements Scope {
  readonly target: TargetDescription;
  readonly integers: Integers;
  readonly typedefs = new Map<string, CType>();
  readonly records: RecordType[] = [];
  readonly enums: EnumDefinition[] = [];
  readonly enumerators = new Map<string, Enumerator>();
  /** The types behind `struct`, `union` and `enum` tags, which share one namespace in C. */
  readonly tags = new Map<string, RecordType | EnumDefinition>();

  constructor(target: TargetDescription) {
    this.target = target;
    this.integers = targetIntegers(target.target);
    for (const [name, type] of builtinTypes(this.integers, target.target)) this.typedefs.set(name, type);
  }

  /** Processes everything that a parsed text declares. */
  declare(root: Syntax): void {
    for (const node of root.children) this.#declaration(node);
    for (const assertion of root.code.assertions) this.#assert(assertion);
  }

  name(name: string): Value | undefined {
    return this.enumerators.get(name);
  }

  /** The type of a `type_descriptor`, as in a cast; undefined where a name in it is unknown. */
  typeOf(node: Syntax): CType | undefined {
    const specifier = node.type === 'type_descriptor' ? child(node, 'type') : node;
    if (!specifier) return undefined;
    const declarator = child(node, 'declarator');
    if (specifier.type.endsWith('_specifier') && specifier.type !== 'sized_type_specifier') {
      const entry = this.tags.get(textOf(child(specifier, 'name') ?? specifier));
      if (child(specifier, 'body')) return undefined;
      // An undeclared record can only be pointed to.
      if (!entry) return declarator ? shape({ kind: 'void' }, declarator, this).type : undefined;
    } else if (!readIntegerWords(textOf(specifier)) && !this.typedefs.has(textOf(specifier))) {
      return undefined;
    }
    const base = this.specifier(specifier);
    return declarator ? shape(base, declarator, this).type : base;
  }

  /** The type that the specifier of a declaration names or defines. */
  specifier(node: Syntax): CType {
    switch (node.type) {
      case 'primitive_type':
      case 'sized_type_specifier':
      case 'type_identifier': {
        const words = readIntegerWords(textOf(node));
        if (words?.endsWith('__int128') && this.target.target.int128Align === null) {
          fail(node, 'the target has no 128-bit integers');
        }
        if (words) return { ...this.integers[words], name: textOf(node) };
        const known = this.typedefs.get(textOf(node));
        return known ?? fail(node, `unknown type '${textOf(node)}'`);
      }
      case 'struct_specifier':
      case 'union_specifier': {
        return { kind: 'record', record: defineRecord(node, this), align: null };
      }
      case 'enum_specifier': {
        const { type } = defineEnum(node, this);
        return type;
      }
      default:
        return fail(node, `'${textOf(node)}' is not a type`);
    }
  }

  /**
   * The alignment that attributes ask for, in bytes; 1 where there is none. @param type The type that is aligned, where
   * C's own rules apply.
   */
  alignment(attributes: LayoutAttributes, node: Syntax, type?: CType): number {
    return Math.max(1, ...attributes.aligned.map((each) => this.#aligned(each, node, type)));
  }

  #aligned({ name, expression, standard }: Alignment, node: Syntax, type: CType | undefined): number {
    if (expression.length === 0 && !standard) return this.target.largestAlign;
    const named = standard ? this.#typeNamed(name, expression) : undefined;
    const value = named ? BigInt(alignOf(named)) : evaluate(this.expression(expression), this).value;
    // In C, an _Alignas of 0 has no effect.
    if (standard && value === 0n) return 1;
    const bytes = Number(value);
    if (bytes < 1 || bytes > 2 ** 28 || (bytes & (bytes - 1)) !== 0) fail(node, `an alignment of ${value} bytes`);
    if (standard && type && bytes < alignOf(type)) fail(node, `an _Alignas of ${bytes}, less than its type has`);
    return bytes;
  }

  /** The type that the tokens name; undefined where they are an expression. */
  #typeNamed(at: Token, tokens: readonly Token[]): CType | undefined {
    const around = (text: string): Token => ({ ...at, kind: 'punctuator', text });
    const word: Token = { ...at, kind: 'identifier', text: 'sizeof' };
    const node = this.expression([word, around('('), ...tokens, around(')')]);
    const descriptor = child(node, 'type');
    return descriptor && this.typeOf(descriptor);
  }

  /** Parses the tokens of an expression that may name types declared so far. */
  expression(tokens: Parameters<typeof parseExpression>[0]): Syntax {
    return parseExpression(rewriteExpression(tokens, this.typedefs));
  }

  /** The value of an integer constant expression, limited to what a layout can use. */
  count(node: Syntax): number {
    const { value } = evaluate(node, this);
    if (value < 0n) fail(node, `a length of ${value}`);
    if (value > BigInt(sizeLimit)) fail(node, `${value} is too large`);
    return Number(value);
  }

  #assert({ at, tokens }: Assertion): void {
    let depth = 0;
    const comma = tokens.findIndex(({ text }) => {
      if (text === '(') depth += 1;
      if (text === ')') depth -= 1;
      return text === ',' && depth === 0;
    });
    const condition = comma < 0 ? tokens : tokens.slice(0, comma);
    if (evaluate(this.expression(condition), this).value !== 0n) return;
    const message =
      comma < 0
        ? ''
        : `: ${tokens
            .slice(comma + 1)
            .map(({ text }) => text)
            .join(' ')}`;
    throw new MagicGenError(`the static assertion fails${message}`, locate(at));
  }

  #declaration(node: Syntax): void {
    switch (node.type) {
      case ';':
        return;
      case 'expression_statement':
        if (textOf(node) === ';') return;
        break;
      case 'struct_specifier':
      case 'union_specifier':
      case 'enum_specifier':
        this.specifier(node);
        return;
      case 'declaration': {
        const type = child(node, 'type');
        if (type) {
          this.specifier(type);
          refuseVariables(node, type);
          return;
        }
        break;
      }
      case 'type_definition':
        this.#typedef(node);
        return;
    }
    fail(node, 'this is not a declaration');
  }

  #typedef(node: Syntax): void {
    const specifier = child(node, 'type') ?? fail(node, 'typedef without a type');
    const base = this.specifier(specifier);
    for (const declarator of declarators(node)) {
      const { type, name } = shape(base, declarator.node, this);
      if (name === null) fail(node, 'typedef without a name');
      if (type.kind === 'record' && type.record.tag === null) type.record.typedef ??= name;
      const attributes = readAttributes(ownAttributes(node, specifier, declarator.index));
      refuseAlignas(attributes, 'in a typedef');
      const align = attributes.aligned.length > 0 ? { align: this.alignment(attributes, declarator.node) } : {};
      const takesName = type.kind === 'integer' || type.kind === 'float' || (type.kind === 'enum' && type.name === '');
      const named = takesName ? { name } : {};
      const declared = { ...type, ...named, ...align } as CType;

      const before = this.typedefs.get(name);
      if (before && !sameType(before, declared)) fail(declarator.node, `type '${name}' is defined twice, differently`);
      this.typedefs.set(name, declared);
    }
  }
}

/**
 * Refuses `struct s { ... } PACKED;` where the macro is undefined. To C it is a variable, which headers have no reason
 * to define.
 */
function refuseVariables(declaration: Syntax, type: Syntax): void {
  if (!child(type, 'body') || declaration.children.some((part) => part.type === 'storage_class_specifier')) return;
  const found = declarators(declaration).find(({ node }) => node.type === 'identifier');
  if (!found) return;
  const name = textOf(found.node);
  fail(found.node, `'${name}' behind a definition declares a variable: is it a macro that the headers do not define?`);
}

/** Whether C considers two types equal: apart from names, their whole structure counts. */
function sameType(left: CType, right: CType): boolean {
  if (left.kind === 'integer' && right.kind === 'integer')
    return left.base === right.base && left.align === right.align;
  if (left.kind === 'record' && right.kind === 'record') return left.record === right.record;
  if (left.kind === 'array' && right.kind === 'array') {
    return left.count === right.count && sameType(left.element, right.element);
  }
  if (left.kind === 'enum' && right.kind === 'enum') return left.name === right.name;
  return left.kind === right.kind;
}
