/** A place in a header, as it is shown to the user. */
export interface SourceLocation {
  /** The path on disk. */
  file: string;
  /** Line and column count from one. */
  line: number;
  column: number;
  /** The line's text. */
  text: string;
}

/**
 * Anything wrong with the input of magic-gen: headers that it cannot find, read or understand. Where a header is at
 * fault, `file`, `line`, `column` and `text` say where, and so does the message.
 */
export class MagicGenError extends Error {
  /** What is wrong, without the place. */
  readonly problem: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly text: string | undefined;

  constructor(problem: string, where?: SourceLocation) {
    super(where ? `${where.file}:${where.line}:${where.column}: ${problem}\n    ${where.text.trim()}` : problem);
    this.problem = problem;
    this.file = where?.file;
    this.line = where?.line;
    this.column = where?.column;
    this.text = where?.text;
  }
}
MagicGenError.prototype.name = 'MagicGenError';

/** A source of headers that works but has none for this architecture. */
export class NoHeadersError extends MagicGenError {}
NoHeadersError.prototype.name = 'NoHeadersError';

/**
 * An expression that C does not fold to an integer: an unknown name, a string, a call. In a declaration this is an
 * error. A macro with such a body is just not a constant.
 */
export class NotConstantError extends MagicGenError {}
NotConstantError.prototype.name = 'NotConstantError';
