// Writes the bytes of the listings in the parent folder: GNU as assembles each instruction behind a semicolon.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..');

function tool(name, args, input) {
  const { error, status, stdout, stderr } = spawnSync(name, args, { encoding: 'utf8', input });
  if (error !== undefined)
    throw new Error(`listings are assembled with GNU as, but \`${name}\` is not installed (${error.code})`);
  if (status !== 0) throw new Error(`${name} failed for:\n${input}\n${stderr.trimEnd()}`);
  return stdout;
}

/** The bytes of each instruction, as text, in order. */
function assemble(bits, instructions, scratch) {
  const source = ['.intel_syntax noprefix', `.code${bits}`, ...instructions, ''].join('\n');
  // The listing of as: line number, offset, bytes, over as many lines as they need.
  const listed = tool('as', ['-al', '--listing-lhs-width=4', '-o', join(scratch, 'object'), '-'], source);
  const bytes = instructions.map(() => '');
  for (const line of listed.split('\n')) {
    const [, number, digits] = line.match(/^ *(\d+) [0-9a-f]{4} ([0-9A-F ]+)/) ?? [];
    if (digits !== undefined) bytes[Number(number) - 3] += digits.replaceAll(' ', '').toLowerCase();
  }
  return bytes.map((digits) => digits.match(/../g)?.join(' ') ?? '');
}

/** The text of a listing with the bytes that its instructions have. */
function filled(bits, text, scratch) {
  const rows = text.split('\n').slice(1, -1);
  const instructions = rows.map((row) => row.slice(row.indexOf(';') + 1).trim());
  const bytes = assemble(bits, instructions, scratch);
  const indent = text.match(/\n( *)[^\n]*$/)?.[1] ?? '';
  const width = Math.max(...bytes.map(({ length }) => length));
  const lines = bytes.map((digits, index) => `${indent}  ${digits.padEnd(width)}  ; ${instructions[index]}`);
  return ['', ...lines, indent].join('\n');
}

const check = process.argv.includes('--check');
const scratch = mkdtempSync(join(tmpdir(), 'listings-'));
try {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const path = join(folder, file);
    const before = readFileSync(path, 'utf8');
    const after = before.replace(
      /\bcode(16|32|64)`([^`]*)`/g,
      (_, bits, text) => `code${bits}\`${filled(bits, text, scratch)}\``,
    );
    if (after === before) continue;
    if (check) {
      process.exitCode = 1;
      process.stderr.write(`conformance/${file}: the bytes of a listing do not match its instructions\n`);
    } else {
      writeFileSync(path, after);
      process.stdout.write(`conformance/${file}\n`);
    }
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true });
}
