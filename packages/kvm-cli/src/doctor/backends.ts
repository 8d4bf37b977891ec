import { type BackendName, backendNames, tryBackend } from '@kvm/core';
import { CliError } from '../exit-status.js';
import { planRun } from '../run/plan.js';
import { complaint, statusOfRun } from '../run/report.js';
import { SerialRecord } from '../run/serial-record.js';
import { runSession, type SessionEnd } from '../run/session.js';

/** What became of one backend. */
export interface BackendReport {
  readonly name: BackendName;
  /** What it is built on; null when it does not load. */
  readonly version: string | null;
  /** Why it does not load. */
  readonly error: string | null;
  /** The built-in guest, run on it; null when that was not tried. */
  readonly guest: GuestReport | null;
}

export interface GuestReport {
  readonly ok: boolean;
  readonly exits: number;
  readonly seconds: number;
  /** What went wrong. */
  readonly error: string | null;
}

/** A guest that has done nothing for so long has failed. */
const timeoutSeconds = 20;

/** Loads each backend. */
export function inspectBackends(): BackendReport[] {
  return backendNames.map((name) => {
    const attempt = tryBackend(name);
    return 'error' in attempt
      ? { name, version: null, error: firstLine(attempt.error), guest: null }
      : { name, version: attempt.version, error: null, guest: null };
  });
}

/**
 * Has each backend that loads run the built-in guest.
 *
 * @throws CliError when a guest was stopped from outside: whoever did that wants all of it to end.
 */
export async function runGuests(device: string, reports: readonly BackendReport[]): Promise<BackendReport[]> {
  const done: BackendReport[] = [];
  for (const report of reports) {
    done.push(report.error === null ? { ...report, guest: await tryGuest(device, report.name) } : report);
  }
  return done;
}

async function tryGuest(device: string, backend: BackendName): Promise<GuestReport> {
  const serialOutput = new SerialRecord();
  let end: SessionEnd;
  try {
    end = await runSession({ task: await planRun(undefined, { device, backend }), serialOutput, timeoutSeconds });
  } catch (error) {
    return { ok: false, exits: 0, seconds: 0, error: (error as Error).message };
  }
  const { stopCause, record } = end;
  const status = statusOfRun(end);
  if (stopCause !== undefined && stopCause !== 'timeout') throw new CliError(complaint(end) ?? stopCause, status);
  const { outcome, exitCount: exits, seconds } = record;
  const ok = status === 0;
  return { ok, exits, seconds, error: ok ? null : `it ended with ${outcome.kind}, and said ${serialOutput.bytes}` };
}

/** The backend that is used when nobody asks for one, and why: the rule of `Kvm.open`, in words. */
export function chosenBackend(reports: readonly BackendReport[]): { name: BackendName | null; why: string } {
  const wanted = process.env['KVM_BACKEND'] || undefined;
  if (wanted !== undefined) {
    const report = reports.find(({ name }) => name === wanted);
    if (report === undefined) return { name: null, why: `KVM_BACKEND names ${wanted}, which does not exist` };
    if (report.error !== null) return { name: null, why: `KVM_BACKEND names ${wanted}, which does not load` };
    return { name: report.name, why: 'KVM_BACKEND names it' };
  }
  const [first, ...others] = reports;
  if (first !== undefined && first.error === null) return { name: first.name, why: 'it loads, and is the faster' };
  const other = others.find(({ error }) => error === null);
  if (other === undefined) return { name: null, why: 'none loads' };
  return { name: other.name, why: `${first?.name} does not load` };
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0] ?? '';
}
