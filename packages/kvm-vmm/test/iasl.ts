import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

/** Why tests against ACPICA's compiler cannot run here, or undefined. */
export const noIasl: string | undefined =
  spawnSync('iasl', ['-v']).status === 0 ? undefined : 'iasl is not installed (Debian: acpica-tools)';

/** A table as iasl disassembles it. A complaint of iasl's fails the test. */
export function disassemble(table: Uint8Array): string {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'table.dat'), table);
    const said = iasl(folder, '-d', 'table.dat');
    expect(said).toMatch(/decoded|Disassembly completed/);
    expect(said).not.toMatch(/error|warning|invalid|unknown|could not|truncated/i);
    return readFileSync(join(folder, 'table.dsl'), 'latin1');
  });
}

/**
 * What iasl makes of a source, without optimisation: the contents of the table after its header, which names its
 * maker. An error, warning or remark fails the test.
 */
export function compiled(source: string): Uint8Array {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'table.dsl'), source, 'latin1');
    const said = iasl(folder, '-oa', '-p', 'made', 'table.dsl');
    expect(said).toMatch(/Compilation successful. 0 Errors, 0 Warnings, 0 Remarks/);
    return readFileSync(join(folder, 'made.aml')).subarray(36);
  });
}

/** Disassembles a table, and checks that its source makes the same table. */
export function roundTrip(table: Uint8Array): string {
  const source = disassemble(table);
  expect(Buffer.from(compiled(source)).equals(table.subarray(36)), source).toBe(true);
  return source;
}

function iasl(folder: string, ...args: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync('iasl', args, { cwd: folder, encoding: 'latin1', timeout: 30_000 });
  if (error !== undefined) throw error;
  return `${stdout}${stderr}`.replaceAll(/^File appears to be binary.*$/gm, '');
}

function inFolder<T>(visit: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-acpi-'));
  try {
    return visit(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
