import { InterruptLine } from '../devices/interrupt-line.js';

/** An interrupt line for several functions: it is high while one of them holds it. */
export class SharedLine {
  readonly #line: InterruptLine;
  #holders = 0;

  constructor(line: InterruptLine) {
    this.#line = line;
  }

  /** The line as one function has it. */
  connect(): InterruptLine {
    return new InterruptLine((level) => {
      this.#holders += level ? 1 : -1;
      this.#line.set(this.#holders > 0);
    });
  }
}
