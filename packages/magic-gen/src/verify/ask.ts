import { readFile } from 'node:fs/promises';
import type { HeaderSet } from '../headers/find.js';
import { type Compiler, linesInError, runCompiler } from './compiler.js';
import { type ObjectFile, readObject } from './elf.js';
import type { BitfieldProbe, Probe } from './probes.js';
import type { Mismatch } from './report.js';

export interface Question {
  compiler: Compiler;
  headers: HeaderSet;
  /** The C text that the expressions are about. */
  text: string;
  numbers: readonly Probe[];
  bitfields: readonly BitfieldProbe[];
  /** Where the compiler may write its object file. */
  output: string;
}

/** Has the compiler compute the numbers and bits, and returns the mismatches. */
export async function askCompiler(question: Question): Promise<Mismatch[]> {
  const { compiler, headers, output } = question;
  const textLines = question.text.trimEnd().split('\n');
  const rejections: Mismatch[] = [];
  let { numbers, bitfields } = question;
  for (;;) {
    const lines = [...textLines, ...probeLines(numbers, bitfields)];
    const run = await runCompiler(compiler, headers, lines.join('\n'), ['-c', '-o', output]);
    if (run.ok) break;
    // Whatever the compiler rejects is a mismatch; the rest is compiled again without it.
    const rejected = linesInError(run);
    const accepts = (line: number, subject: string, aspect: string): boolean => {
      const message = rejected.get(line);
      if (message !== undefined) rejections.push({ subject, aspect, model: 'present', compiler: message });
      return message === undefined;
    };
    const before = rejections.length;
    const numbersFirst = textLines.length + 2;
    const bitsFirst = numbersFirst + numbers.length + 1;
    numbers = numbers.filter((probe, index) => accepts(numbersFirst + index, probe.subject, probe.aspect));
    bitfields = bitfields.filter((probe, index) => accepts(bitsFirst + index, probe.subject, 'bits'));
    if (rejections.length === before) {
      const message = /error: .*$/m.exec(run.stderr)?.[0] ?? run.stderr.slice(0, 200);
      return [{ subject: 'the headers', aspect: 'text', model: 'readable', compiler: message }];
    }
  }
  const object = readObject(await readFile(output));
  return [...rejections, ...compareNumbers(numbers, object), ...compareBits(bitfields, object)];
}

const numbersSection = '.magic.numbers';
const bitsSection = (index: number): string => `.magic.bits.${index}`;

/**
 * Each probe has its own line, so that a message can be attributed to it; so do the first and last line of the list.
 */
function probeLines(numbers: readonly Probe[], bitfields: readonly BitfieldProbe[]): string[] {
  const place = (section: string): string => `__attribute__((section("${section}"), used))`;
  return [
    `const unsigned long long magic_numbers[] ${place(numbersSection)} = {`,
    ...numbers.map((probe) => `(unsigned long long)(${probe.expression}),`),
    '0 };',
    ...bitfields.map(({ type, field }, index) => {
      return `const ${type} magic_bits_${index} ${place(bitsSection(index))} = { .${field} = -1 };`;
    }),
    '',
  ];
}

function compareNumbers(numbers: readonly Probe[], object: ObjectFile): Mismatch[] {
  const section = object.sections.get(numbersSection);
  return numbers.flatMap(({ subject, aspect, expected }, index) => {
    const value = section?.getBigUint64(index * 8, object.littleEndian);
    return value === expected ? [] : [{ subject, aspect, model: `${expected}`, compiler: `${value}` }];
  });
}

function compareBits(bitfields: readonly BitfieldProbe[], object: ObjectFile): Mismatch[] {
  return bitfields.flatMap(({ subject, offset, width }, index) => {
    const section = object.sections.get(bitsSection(index));
    const set: number[] = [];
    for (let bit = 0; section && bit < section.byteLength * 8; bit += 1) {
      // Bits are counted as the compiler allocates them: from the least significant on little-endian machines, else
      // from the most.
      const within = object.littleEndian ? bit % 8 : 7 - (bit % 8);
      if ((section.getUint8(bit >> 3) >> within) & 1) set.push(bit);
    }
    if (set.length === width && set.every((bit, place) => bit === offset + place)) return [];
    const model = `${offset}..${offset + width - 1}`;
    return [{ subject, aspect: 'bits', model, compiler: set.join(' ') || 'none' }];
  });
}
