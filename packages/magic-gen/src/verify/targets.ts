import type { HeaderSet } from '../headers/find.js';
import { headersOf } from '../headers/several.js';
import { findInterface, type Interface, rootsOrNone } from '../interfaces/interfaces.js';
import { buildModel } from '../model/build.js';
import type { TargetDescription } from '../targets/index.js';
import { describeReport, formatTotal, type VerifyReport } from './report.js';
import { verify } from './verify.js';

export interface TargetsToVerify {
  /** Names of targets separated by commas, or "all", which leaves out those that the headers lack. */
  list: string;
  headers(target: TargetDescription): HeaderSet | Promise<HeaderSet>;
  /** Absent: only KVM. An interface that a target, or an older kernel, lacks is left out. */
  interfaces?: readonly Interface[];
  /** Called with the text about each target, and finally with the line that counts the mismatches. */
  write(text: string): void;
}

/**
 * Has a compiler check the models of several targets.
 *
 * @throws NoHeadersError where a named target, or every target, has no headers.
 */
export async function verifyTargets({
  list,
  headers,
  interfaces = [findInterface('kvm')],
  write,
}: TargetsToVerify): Promise<VerifyReport[]> {
  const reports: VerifyReport[] = [];
  const lacking = ({ name }: TargetDescription): void => write(`target      ${name}: not in these headers\n\n`);
  for await (const { target, headers: set } of headersOf(list, (each) => headers(each), { lacking })) {
    for (const each of interfaces) {
      const roots = rootsOrNone(set, each, target);
      if (roots.length === 0) {
        write(`target      ${target.name}: no ${each.name} in these headers\n\n`);
        continue;
      }
      const report = await verify(buildModel(set, target, roots), set);
      reports.push(report);
      write(`${describeReport(report)}\n`);
    }
  }
  write(formatTotal(reports));
  return reports;
}
