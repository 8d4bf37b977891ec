import { flexCounts } from '../facts/flex.js';
import { booleanMembers, countedMembers } from '../facts/members.js';
import { otherFlexCounts } from '../facts/other-flex.js';
import { table } from '../facts/table.js';
import {
  type Field,
  fieldsOf,
  hasName,
  isFlexible,
  type RecordsByName,
  recordsByName,
  sizeOf,
} from '../model/lookup.js';
import type { AbiRecord, Model, TypeRef } from '../model/model.js';
import { spellDeclaration } from '../model/spelling.js';
import { memberName, pascal } from './names.js';
import { type Declaration, exportCommon, importRuntime, isDeclared, type Output, withinCore } from './output.js';
import { age, banner, doc, emitError, importNames, quote, separated, text } from './source.js';

const counts = table({ ...flexCounts, ...otherFlexCounts });

/** The member that counts the elements, where the record has it as an integer. In other kernels it may not. */
function counterOf(record: AbiRecord, fields: readonly Field[]): string | undefined {
  const name = counts[record.name];
  const field = fields.find((each) => each.name === name);
  return field && field.type.kind !== 'array' && field.type.kind !== 'record' ? name : undefined;
}

/** The arrays whose elements another member counts, where the record has both. In other kernels it may not. */
function countedIn({ name }: AbiRecord, fields: readonly Field[]): Readonly<Record<string, string>> {
  const typeOf = (member: string): TypeRef | undefined => fields.find((field) => field.name === member)?.type;
  const isCounted = ([member, count]: [string, string]): boolean => {
    const [array, counter] = [typeOf(member), typeOf(count)];
    if (array?.kind !== 'array' || isFlexible(array) || counter === undefined) return false;
    return counter.kind !== 'array' && counter.kind !== 'record' && scalar(counter).ts === 'number';
  };
  return Object.fromEntries(Object.entries(countedMembers[name] ?? {}).filter(isCounted));
}

/** Every struct and union of the headers, as a class of typed views. */
export function emitStructs(model: Model, output: Output = withinCore): string {
  const emitter = new StructEmitter(model);
  const own = model.records
    .filter(hasName)
    .filter(({ name }) => isDeclared(pascal(name), 'structs.ts', output))
    .map((record) => emitter.declare(record));
  const foreign = own.flatMap(({ uses }) => uses).filter((name) => !isDeclared(name, 'structs.ts', output));
  const imports = [
    ...importRuntime(emitter.used, output),
    ...importNames(new Set(foreign), `${output.common?.folder}/structs.js`),
  ];
  const head = [imports, exportCommon('structs.ts', output)].filter((lines) => lines.length > 0);
  return text([
    ...banner(model, 'Every struct and union of the headers, as views over bytes.', output),
    ...separated([...head, ...own.map(({ lines }) => lines)]),
  ]);
}

/** The declaration of each struct and union. */
export function structsOf(model: Model): Declaration[] {
  const emitter = new StructEmitter(model);
  return model.records.filter(hasName).map((record) => emitter.declare(record));
}

interface StructField extends Field {
  /** The type that the class has. */
  type: TypeRef;
  /** The type that the header says. */
  declared: TypeRef;
  /**
   * The index of the field's view among the kept views of the struct; of a counted array, the index of its first view.
   */
  part: number;
  /** The field that counts the elements in use. */
  countedBy: string | undefined;
}

/** Whether the field is a view that is made once. */
function isView({ type }: Field): boolean {
  return (type.kind === 'record' || type.kind === 'array') && !isFlexible(type);
}

class StructEmitter {
  readonly #model: Model;
  readonly #records: RecordsByName;
  readonly #littleEndian: boolean;
  /** The names that the classes use of each module of the struct runtime. */
  readonly used = new Map<string, Set<string>>();

  constructor(model: Model) {
    this.#model = model;
    this.#records = recordsByName(model);
    this.#littleEndian = model.target.endianness === 'little';
  }

  declare(record: AbiRecord & { name: string }): Required<Declaration> {
    const uses = fieldsOf(record, this.#records).flatMap(({ type }) => recordIn(type) ?? []);
    return { name: pascal(record.name), lines: this.#emit(record), uses: uses.map(pascal) };
  }

  #emit(record: AbiRecord): string[] {
    const declared = fieldsOf(record, this.#records);
    const counted = countedIn(record, declared);
    // A counted array has a view for each number of elements, after all others.
    const views = declared.filter((field) => isView(field) && !Object.hasOwn(counted, field.name));
    const fields: StructField[] = declared.map((field) => ({
      ...field,
      type: asBytes(field.type, (element) => this.#fitsTypedArray(element, field.offset)),
      declared: field.type,
      part: Object.hasOwn(counted, field.name) ? views.length : views.indexOf(field),
      countedBy: Object.hasOwn(counted, field.name) ? counted[field.name] : undefined,
    }));
    const flexible = fields.find((field) => isFlexible(field.type));
    const base = flexible === undefined ? 'Struct' : 'FlexStruct';
    this.#use(flexible === undefined ? 'struct' : 'flex', base);
    const c = record.tagged ? `${record.kind} ${record.name}` : `${record.name} (a ${record.kind} without a tag)`;
    const lines = [
      ...doc(
        '',
        `\`${c}\`, ${record.origin.file}: ${record.size} bytes, aligned to ${record.align}.${age(this.#model, record)}`,
      ),
      `export class ${pascal(record.name)} extends ${base} {`,
      `  static readonly cName = ${quote(record.name)};`,
      `  static readonly size = ${record.size};`,
      `  static readonly align = ${record.align};`,
      ...fieldList(fields.map((field) => quote(memberName(field.name)))),
    ];
    if (flexible !== undefined) lines.push(...this.#flexStatics(record, flexible));
    for (const field of fields) lines.push('', ...this.#accessors(record, field, flexible !== undefined));
    lines.push('}');
    return lines;
  }

  /** A typed array has the machine's byte order and needs aligned elements. */
  #fitsTypedArray(element: TypeRef, offset: number): boolean {
    const order = byteOrder(element);
    const size = sizeOf(element, this.#records);
    return size === 1 || ((order === undefined || order === this.#littleEndian) && offset % size === 0);
  }

  /** A field's declaration and place; its age where it is younger than its struct. */
  #fieldDoc(record: AbiRecord, field: Field, declared: string, place: string): string[] {
    const since = field.since === record.since ? '' : age(this.#model, field);
    return doc('  ', `\`${declared}\`, at ${place}.${since}`);
  }

  #use(module: string, name: string): string {
    const names = this.used.get(module) ?? new Set();
    this.used.set(module, names.add(name));
    return name;
  }

  #flexStatics(record: AbiRecord, flexible: Field): string[] {
    if (!isFlexible(flexible.type)) return [];
    const count = counterOf(record, fieldsOf(record, this.#records));
    return [
      `  static readonly elements = ${quote(memberName(flexible.name))};`,
      `  static readonly elementSize = ${sizeOf(flexible.type.element, this.#records)};`,
      `  static readonly elementsOffset = ${flexible.offset};`,
      `  static readonly count = ${count === undefined ? 'undefined' : quote(memberName(count))};`,
    ];
  }

  /** Arrays and nested structs are views made once; the length of a flexible array changes with its count. */
  #accessors(record: AbiRecord, field: StructField, isFlex: boolean): string[] {
    const name = memberName(field.name);
    const where = quote(`${record.name}.${name}`);
    const { type } = field;
    if (type.kind === 'record' || type.kind === 'array') return this.#viewAccessors(record, field, name, where);
    if (field.bits !== undefined) return this.#bitfieldAccessors(record, field, field.bits, name, where);
    const isBoolean = booleanMembers.includes(field.name) && scalar(type).ts === 'number';
    const comment = this.#fieldDoc(record, field, spellDeclaration(field.name, type), `byte ${field.offset}`);
    const { ts, method, check } = scalar(type);
    const littleEndian = byteOrder(type) ?? this.#littleEndian;
    const endian = method.endsWith('8') ? '' : `, ${littleEndian}`;
    // A struct of the same name may have no flexible array elsewhere: arm64's kvm_pmu_event_filter.
    const isCount = isFlex && counterOf(record, fieldsOf(record, this.#records)) === field.name;
    const checked = isCount
      ? `${this.#use('flex', 'capacity')}(this, value, ${where})`
      : isBoolean
        ? `Number(${this.#use('check', 'boolean')}(value, ${where}))`
        : `${this.#use('check', check)}(value, ${where})`;
    return [
      ...comment,
      `  get ${name}(): ${isBoolean ? 'boolean' : ts} {`,
      `    return this.view.get${method}(${field.offset}${endian})${isBoolean ? ' !== 0' : ''};`,
      '  }',
      '',
      `  set ${name}(value: ${isBoolean ? 'boolean' : ts}) {`,
      ...call('    ', `this.view.set${method}`, [
        `${field.offset}`,
        checked,
        ...(endian === '' ? [] : [`${littleEndian}`]),
      ]),
      '  }',
    ];
  }

  #viewAccessors(record: AbiRecord, field: StructField, name: string, where: string): string[] {
    const ts = this.#typeScript(field.type);
    this.#use('struct', 'type FieldInit');
    const declared = spellDeclaration(field.name, field.declared);
    const comment = this.#fieldDoc(record, field, declared, `byte ${field.offset}${countNote(field)}`);
    const assign =
      field.type.kind === 'record'
        ? [`    this.${name}.assign(value);`]
        : [`    ${this.#use('array', 'fill')}(${this.#whole(field, name)}, value, ${where});`];
    const made = isFlexible(field.type)
      ? returned(this.#flexibleView(record, field, field.type))
      : field.countedBy === undefined
        ? this.#cachedView(field, ts)
        : this.#countedView(field, field.countedBy, ts);
    return [
      ...comment,
      `  get ${name}(): ${ts} {`,
      ...made,
      '  }',
      '',
      `  set ${name}(value: FieldInit<${ts}>) {`,
      ...assign,
      '  }',
    ];
  }

  /**
   * Views are made once and kept in a list that every struct has. Private fields instead would make the classes of one
   * struct on two architectures incompatible types.
   */
  #cachedView({ type, offset, part }: StructField, ts: string): string[] {
    const line = `    this.parts[${part}] ??= ${this.#make(type, `${offset}`)};`;
    return [line, `    return this.parts[${part}] as ${ts};`];
  }

  /** One view for each number of elements, made when that number first occurs: an exit must not allocate. */
  #countedView({ type, offset, part }: StructField, countedBy: string, ts: string): string[] {
    if (type.kind !== 'array') throw new Error('only an array has elements to count');
    const slot = part === 0 ? 'count' : `${part} + count`;
    return [
      `    const count = Math.min(this.${memberName(countedBy)}, ${type.count});`,
      `    this.parts[${slot}] ??= ${this.#makeArray(type.element, `${offset}`, 'count')};`,
      `    return this.parts[${slot}] as ${ts};`,
    ];
  }

  /** What an assignment fills. For a counted array this is the whole array, as the count may be assigned later. */
  #whole({ type, offset, countedBy }: StructField, name: string): string {
    return countedBy === undefined ? `this.${name}` : this.#make(type, `${offset}`);
  }

  #flexibleView(record: AbiRecord, field: Field, type: Extract<TypeRef, { kind: 'array' }>): string {
    const counter = counterOf(record, fieldsOf(record, this.#records));
    const elements = fieldsOf(record, this.#records).find((each) => isFlexible(each.type));
    const count =
      // A union may have several, with elements of different sizes.
      counter === undefined && elements?.name !== field.name
        ? `${this.#use('flex', 'elementsOf')}(this, ${sizeOf(type.element, this.#records)})`
        : `${this.#use('flex', 'elementCount')}(this${counter === undefined ? '' : `, this.${memberName(counter)}`})`;
    return this.#makeArray(type.element, `${field.offset}`, count);
  }

  /**
   * The expression that makes the view of a member at an offset. @param depth How many arrays of arrays it is inside.
   */
  #make(type: TypeRef, offset: string, depth = 0): string {
    if (type.kind === 'record') return `${this.#use('array', 'nested')}(this, ${offset}, ${pascal(type.name)})`;
    if (type.kind !== 'array') throw new Error(`a ${type.kind} has no view`);
    return this.#makeArray(type.element, offset, `${type.count}`, depth);
  }

  #makeArray(element: TypeRef, offset: string, count: string, depth = 0): string {
    switch (element.kind) {
      case 'record':
        return `${this.#use('array', 'structs')}(this, ${offset}, ${count}, ${pascal(element.name)})`;
      case 'array': {
        // Each dimension has its own index.
        const index = depth === 0 ? 'i' : `i${depth}`;
        const row = this.#make(element, `${offset} + ${index} * ${sizeOf(element, this.#records)}`, depth + 1);
        return `${this.#use('array', 'rows')}(${count}, (${index}) => ${row})`;
      }
      default:
        return `${this.#use('array', 'integers')}(this, ${offset}, ${count}, ${arrayType(element)})`;
    }
  }

  #typeScript(type: TypeRef): string {
    switch (type.kind) {
      case 'record':
        return pascal(type.name);
      case 'array':
        if (type.element.kind === 'record' || type.element.kind === 'array') {
          this.#use('array', 'type StructArray');
          return `StructArray<${this.#typeScript(type.element)}>`;
        }
        return arrayType(type.element);
      default:
        return scalar(type).ts;
    }
  }

  /** A bitfield is accessed through the bytes it touches, whatever unit its C type would load. */
  #bitfieldAccessors(
    record: AbiRecord,
    field: Field,
    bits: { offset: number; width: number },
    name: string,
    where: string,
  ): string[] {
    const signed = field.type.kind === 'int' && field.type.signed;
    const wide = scalar(field.type).ts === 'bigint';
    if (bits.width > 64)
      throw emitError(`${record.name}.${field.name} is a bitfield of ${bits.width} bits`, record.origin);
    const ts = wide ? 'bigint' : 'number';
    const place = `${bits.offset}, ${bits.width}, ${this.#littleEndian}`;
    const [get, set] = wide ? ['getBigBits', 'setBigBits'] : ['getBits', 'setBits'];
    this.#use('bits', get);
    this.#use('bits', set);
    const declared = `${spellDeclaration(field.name, field.type)} : ${bits.width}`;
    if (signed)
      throw emitError(
        `${record.name}.${field.name} is a signed bitfield, which magic-gen does not support`,
        record.origin,
      );
    return [
      ...this.#fieldDoc(record, field, declared, `bit ${bits.offset}`),
      `  get ${name}(): ${ts} {`,
      `    return ${get}(this.view, ${place});`,
      '  }',
      '',
      `  set ${name}(value: ${ts}) {`,
      `    ${set}(this.view, ${place}, value, ${where});`,
      '  }',
    ];
  }
}

/** The record that a type is or has elements of. */
function recordIn(type: TypeRef): string | undefined {
  if (type.kind === 'array') return recordIn(type.element);
  return type.kind === 'record' ? type.name : undefined;
}

function countNote({ countedBy }: StructField): string {
  return countedBy === undefined ? '' : `: the first \`${memberName(countedBy)}\` elements`;
}

function fieldList(names: string[]): string[] {
  const line = `  static readonly fields = [${names.join(', ')}];`;
  return line.length <= 120 ? [line] : ['  static readonly fields = [', ...names.map((name) => `    ${name},`), '  ];'];
}

function returned(expression: string): string[] {
  return [`    return ${expression};`];
}

/** A call, broken as biome does where it does not fit on one line. */
function call(indent: string, callee: string, args: string[]): string[] {
  const line = `${indent}${callee}(${args.join(', ')});`;
  return line.length <= 120
    ? [line]
    : [`${indent}${callee}(`, ...args.map((arg) => `${indent}  ${arg},`), `${indent});`];
}

/** How an integer, enum or pointer is read, written and checked. */
function scalar(type: TypeRef): { ts: 'number' | 'bigint'; method: string; check: string } {
  if (type.kind === 'record' || type.kind === 'array') throw new Error(`a ${type.kind} is not a scalar`);
  const signed = type.kind !== 'pointer' && type.signed && !isChar(type);
  const bits = type.size * 8;
  const check = `${signed ? 's' : 'u'}${bits}`;
  if (bits === 64) return { ts: 'bigint', method: signed ? 'BigInt64' : 'BigUint64', check };
  return { ts: 'number', method: `${signed ? 'Int' : 'Uint'}${bits}`, check };
}

/**
 * JavaScript has no 128-bit integers: one is its 16 bytes, and an array of them is an array of such bytes. The same
 * goes for an array that no typed array can view.
 */
function asBytes(type: TypeRef, fits: (element: TypeRef) => boolean): TypeRef {
  if (type.kind === 'array') {
    const element = asBytes(type.element, fits);
    return { ...type, element: element.kind === 'int' && !fits(element) ? bytesOf(element) : element };
  }
  return type.kind === 'int' && type.size === 16 ? bytesOf(type) : type;
}

function bytesOf({ name, size }: Extract<TypeRef, { kind: 'int' }>): TypeRef {
  return { kind: 'array', element: { kind: 'int', name, size: 1, signed: false }, count: size };
}

function arrayType(element: TypeRef): string {
  return `${scalar(element).method}Array`;
}

/**
 * Whether a type with a fixed byte order is little-endian; undefined for one in the machine's order. Virtio's types are
 * little-endian since version 1, and older devices are not supported.
 */
function byteOrder(type: TypeRef): boolean | undefined {
  const order = type.kind === 'int' ? /^__(le|be|virtio)(?:16|32|64)$/.exec(type.name)?.[1] : undefined;
  return order === undefined ? undefined : order !== 'be';
}

/** Plain `char` counts as bytes, never as a signed number. */
function isChar(type: TypeRef): boolean {
  return type.kind === 'int' && type.name === 'char';
}
