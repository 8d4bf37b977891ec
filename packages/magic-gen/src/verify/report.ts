import type { ProbeKind } from './probes.js';

/** Something on which the model and the compiler differ. */
export interface Mismatch {
  subject: string;
  aspect: string;
  model: string;
  compiler: string;
}

export interface VerifyReport {
  /** The compiler that was asked, as it calls itself. */
  compiler: string;
  /** How many things of each kind were compared. */
  compared: Record<ProbeKind, number>;
  /** How many single numbers that took. */
  numbers: number;
  mismatches: Mismatch[];
  /** What no compiler can be asked, each with the reason. */
  unchecked: { name: string; reason: string }[];
}

/** The report as text; its last line counts the mismatches. */
export function formatReport(report: VerifyReport): string {
  const { constant, ioctl, record, member, bitfield } = report.compared;
  return [
    `compiler    ${report.compiler}`,
    `constants   ${constant}`,
    `ioctls      ${ioctl}`,
    `records     ${record}`,
    `members     ${member}`,
    `bitfields   ${bitfield}`,
    `numbers     ${report.numbers}`,
    ...report.unchecked.map(({ name, reason }) => `unchecked   ${name}: ${reason}`),
    ...report.mismatches.map(
      ({ subject, aspect, model, compiler }) =>
        `mismatch    ${subject} ${aspect}: model ${model}, compiler ${compiler}`,
    ),
    `${report.mismatches.length} mismatches`,
    '',
  ].join('\n');
}

/** The lines that bring the headers under test into a C text. */
export function includeLines(roots: readonly string[]): string {
  return roots.map((root) => `#include <${root}>\n`).join('');
}
