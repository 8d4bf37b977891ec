import { backendNames } from '@kvm/core';
import type { TestResult } from './results.js';
import { suiteOf } from './test-files.js';

/** The tests of the machines of one kind. */
export interface MachineResults {
  architecture: string;
  kernel: string;
  seconds: number;
  tests: readonly TestResult[];
}

interface Row {
  suite: string;
  backend: string;
  passed: number;
  failed: number;
  skipped: number;
  /** The reasons for skipped tests, and the number of tests for each. */
  reasons: Map<string, number>;
}

/**
 * Formats a table with a line for each suite, kernel, architecture and backend, and the reasons for skipped tests under
 * it.
 */
export function table(machines: readonly MachineResults[]): string {
  const heading = ['suite', 'architecture', 'kernel', 'backend', 'passed', 'failed', 'skipped'];
  const lines: (readonly string[] | string)[] = [heading];
  for (const { architecture, kernel, tests } of machines) {
    for (const { suite, backend, passed, failed, skipped, reasons } of rowsOf(tests)) {
      lines.push([suite, architecture, kernel, backend, `${passed}`, `${failed}`, `${skipped}`]);
      for (const [reason, count] of reasons) lines.push(`    ${count} skipped: ${reason}`);
    }
  }
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((line) => (typeof line === 'string' ? 0 : (line[column]?.length ?? 0)))),
  );
  return lines
    .map((line) =>
      typeof line === 'string'
        ? line
        : line
            .map((cell, column) => (column < 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
            .join('  '),
    )
    .join('\n');
}

/** In the order of the table. */
const suites = ['lab', 'behaviour', 'conformance', 'vmm', 'cli'];
const backends = [...backendNames, 'either'];
const ofBackend = new RegExp(`\\((${backendNames.join('|')})\\)`);

function rowsOf(tests: readonly TestResult[]): Row[] {
  const rows = new Map<string, Row>();
  for (const test of tests) {
    const suite = suiteOf(test.file);
    const backend = ofBackend.exec(test.name)?.[1] ?? 'either';
    const key = `${suite} ${backend}`;
    const row = rows.get(key) ?? { suite, backend, passed: 0, failed: 0, skipped: 0, reasons: new Map() };
    rows.set(key, row);
    row[test.state]++;
    if (test.state === 'skipped') {
      const why = test.why ?? 'no reason given';
      row.reasons.set(why, (row.reasons.get(why) ?? 0) + 1);
    }
  }
  const order = (row: Row): number => suites.indexOf(row.suite) * backends.length + backends.indexOf(row.backend);
  return [...rows.values()].toSorted((one, other) => order(one) - order(other));
}
