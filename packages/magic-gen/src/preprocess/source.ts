import type { SourceLocation } from '../errors.js';

/** One header file. */
export class SourceFile {
  /** The path on disk, for messages. */
  readonly path: string;
  /** The name that `#include` uses: "linux/kvm.h". */
  readonly name: string;
  /** Without a byte order mark, each line ended by '\n'. As in clang, a lone '\r' also ends a line. */
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

  /** The line, counted from one, that contains the offset. */
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
