import { MagicGenError, NoHeadersError } from '../errors.js';
import type { HeaderSet } from '../headers/find.js';
import { buildModel } from '../model/build.js';
import { findTargets, type TargetDescription } from '../targets/index.js';
import { describeReport, formatTotal, type VerifyReport } from './report.js';
import { verify } from './verify.js';

export interface TargetsToVerify {
  /** Names of targets, with commas between them, or "all": then those the headers do not have are left out. */
  list: string;
  headers(target: TargetDescription): HeaderSet | Promise<HeaderSet>;
  /** Called with the text about each target when it is there, and at last with the line that counts the mismatches. */
  write(text: string): void;
}

/**
 * Has a compiler check the models of several targets.
 *
 * @throws MagicGenError where a target that was named, or every target, has no headers.
 */
export async function verifyTargets({ list, headers, write }: TargetsToVerify): Promise<VerifyReport[]> {
  const reports: VerifyReport[] = [];
  for (const target of findTargets(list)) {
    const set = await findSet(target, list === 'all', headers);
    if (!set) {
      write(`target      ${target.name}: not in these headers\n\n`);
      continue;
    }
    const report = await verify(buildModel(set, target), set);
    reports.push(report);
    write(`${describeReport(report)}\n`);
  }
  if (reports.length === 0) throw new MagicGenError('no target has headers: nothing was verified');
  write(formatTotal(reports));
  return reports;
}

async function findSet(
  target: TargetDescription,
  mayLack: boolean,
  headers: TargetsToVerify['headers'],
): Promise<HeaderSet | undefined> {
  try {
    return await headers(target);
  } catch (error) {
    if (mayLack && error instanceof NoHeadersError) return undefined;
    throw error;
  }
}
