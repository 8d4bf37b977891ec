import { included } from '../model/prelude.js';
import type { ProbeKind } from './probes.js';

/** A difference between the model and the compiler. */
export interface Mismatch {
  subject: string;
  aspect: string;
  model: string;
  compiler: string;
}

export interface VerifyReport {
  /** The target's name on the command line, and the compiler's. */
  target: string;
  triple: string;
  /** The interface of the model; its root headers where they belong to none. */
  interface: string;
  /** The kernel release of the headers. */
  kernel: string;
  /** The compiler's own name. */
  compiler: string;
  /** How many things of each kind were compared. */
  compared: Record<ProbeKind, number>;
  /** How many individual numbers that were. */
  numbers: number;
  mismatches: Mismatch[];
  /** What no compiler can be asked about, each with the reason. */
  unchecked: { name: string; reason: string }[];
}

/** One report as text; its last line counts the mismatches. */
export function formatReport(report: VerifyReport): string {
  return describeReport(report) + formatTotal([report]);
}

/** What was compared for one target, and what differs. */
export function describeReport(report: VerifyReport): string {
  const { constant, enum: enums, ioctl, function: functions, record, member, bitfield } = report.compared;
  return [
    `target      ${report.target} (${report.triple}), Linux ${report.kernel}`,
    `interface   ${report.interface}`,
    `compiler    ${report.compiler}`,
    `constants   ${constant}`,
    `enums       ${enums}`,
    `ioctls      ${ioctl}`,
    `functions   ${functions}`,
    `records     ${record}`,
    `members     ${member}`,
    `bitfields   ${bitfield}`,
    `numbers     ${report.numbers}`,
    ...report.unchecked.map(({ name, reason }) => `unchecked   ${name}: ${reason}`),
    ...report.mismatches.map(
      ({ subject, aspect, model, compiler }) =>
        `mismatch    ${subject} ${aspect}: model ${model}, compiler ${compiler}`,
    ),
    '',
  ].join('\n');
}

/** The last line: the total number of mismatches. */
export function formatTotal(reports: readonly VerifyReport[]): string {
  return `${reports.reduce((total, { mismatches }) => total + mismatches.length, 0)} mismatches\n`;
}

/** The lines that include the headers under test in a C text. */
export function includeLines(roots: readonly string[]): string {
  return included(roots)
    .map((root) => `#include <${root}>\n`)
    .join('');
}
