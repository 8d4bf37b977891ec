/** The subset of JSON Schema 2020-12 that the model's schema uses. */
export interface Schema {
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  pattern?: string;
  minimum?: number;
  maximum?: number;
}

const supportedKeywords = [
  '$ref',
  '$defs',
  '$schema',
  'type',
  'const',
  'enum',
  'oneOf',
  'properties',
  'required',
  'items',
];
supportedKeywords.push('pattern', 'minimum', 'maximum', 'title', 'description');

/**
 * Where a value violates the schema, each with the path to it.
 *
 * @param strict Whether a property that the schema does not describe is a violation: a reader must accept it, a writer
 * must not produce it.
 * @throws Error at an unsupported keyword of the schema.
 */
export function problems(value: unknown, schema: Schema, strict = false): string[] {
  return problemsAt(value, schema, { root: schema, strict }, '');
}

interface Context {
  /** The object that holds the definitions. */
  root: Schema;
  strict: boolean;
}

function problemsAt(value: unknown, schema: Schema, context: Context, path: string): string[] {
  for (const keyword of Object.keys(schema)) {
    if (!supportedKeywords.includes(keyword)) throw new Error(`the schema uses ${keyword}, which is not supported`);
  }
  if (schema.$ref !== undefined) {
    const named = context.root.$defs?.[schema.$ref.replace('#/$defs/', '')];
    if (!named) throw new Error(`the schema has no ${schema.$ref}`);
    return problemsAt(value, named, context, path);
  }
  if (schema.oneOf) {
    const each = schema.oneOf.map((one) => problemsAt(value, one, context, path));
    if (each.filter((list) => list.length === 0).length === 1) return [];
    return each.toSorted((a, b) => a.length - b.length)[0]?.slice(0, 1) ?? [`${path}: matches none`];
  }
  return [
    ...typeProblems(value, schema, path),
    ...('const' in schema && value !== schema.const ? [`${path}: not ${schema.const}`] : []),
    ...(schema.enum && !schema.enum.includes(value) ? [`${path}: not one of ${schema.enum.join(', ')}`] : []),
    ...(typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern, 'u').test(value)
      ? [`${path}: does not match ${schema.pattern}`]
      : []),
    ...(typeof value === 'number' && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))
      ? [`${path}: out of range`]
      : []),
    ...partProblems(value, schema, context, path),
  ];
}

function typeProblems(value: unknown, { type }: Schema, path: string): string[] {
  if (type === undefined) return [];
  const types = typeof type === 'string' ? [type] : type;
  return types.includes(typeOf(value)) ? [] : [`${path}: is ${typeOf(value)}, not ${types.join(' or ')}`];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function partProblems(
  value: unknown,
  { items, properties, required }: Schema,
  context: Context,
  path: string,
): string[] {
  if (Array.isArray(value)) {
    return items ? value.flatMap((item, index) => problemsAt(item, items, context, `${path}/${index}`)) : [];
  }
  if (typeof value !== 'object' || value === null || !properties) return [];
  return [
    ...(required ?? []).filter((name) => !Object.hasOwn(value, name)).map((name) => `${path}: has no ${name}`),
    ...Object.entries(value).flatMap(([name, part]) => {
      if (Object.hasOwn(properties, name)) return problemsAt(part, properties[name] ?? {}, context, `${path}/${name}`);
      return context.strict ? [`${path}: ${name} is not described`] : [];
    }),
  ];
}
