import type { SourceLocation } from '../errors.js';

/** One header as it lies on disk. */
export class SourceFile {
  /** The path on disk, for messages. */
  readonly path: string;
  /** The name it is included by: "linux/kvm.h". */
  readonly name: string;
  /** Without a byte order mark, each line ended by '\n': a '\r' alone ends one, too, as clang has it. */
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(path: string, name: string, text: string) {
    this.path = path;
    this.name = name;
    this.text = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  /** The line, counted from one, that holds the offset. */
  line(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  locate(offset: number): SourceLocation {
    const line = this.line(offset);
    const start = this.#lineStarts[line - 1] ?? 0;
    const end = this.#lineStarts[line] ?? this.text.length + 1;
    return { file: this.path, line, column: offset - start + 1, text: this.text.slice(start, end - 1) };
  }
}
