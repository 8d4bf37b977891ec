/** The part of JSON Schema 2020-12 that the schema of a machine uses, and three annotations of its own. */
export interface JsonSchema {
  readonly $schema?: string;
  /** The name of the interface that TypeScript has for it. */
  readonly title?: string;
  readonly description?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  /** `path` and `uri-reference`: relative to the folder of the file that the document is in. */
  readonly format?: 'path' | 'uri-reference';
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  /** False, or what all members are that `properties` does not have. */
  readonly additionalProperties?: false | JsonSchema;
  /** The alternatives differ in their type, or in a property whose value is constant. */
  readonly anyOf?: readonly JsonSchema[];
  /** The option of kvm-cli that sets it: `--mem <size>`. */
  readonly 'x-flag'?: string;
  /** What a value may be, in words, where the other keywords do not say it well. */
  readonly 'x-wanted'?: string;
  /** What the API takes beside that, and JSON cannot say. */
  readonly 'x-javascript'?: JavaScriptType;
}

export type JsonType = 'object' | 'array' | 'string' | 'integer' | 'boolean';
export type JavaScriptType = 'bigint' | 'URL' | 'Uint8Array';
