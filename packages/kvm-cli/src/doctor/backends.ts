import { type BackendName, backendNames, defaultBackend, tryBackend } from '@kvm/core';
import { CliError } from '../exit-status.js';
import { planRun } from '../run/plan.js';
import { failureOf, statusOfRun } from '../run/report.js';
import { SerialRecord } from '../run/serial-record.js';
import { runSession, type SessionEnd } from '../run/session.js';

/** The state of one backend. */
export interface BackendReport {
  readonly name: BackendName;
  /** What it is built on; null when it does not load. */
  readonly version: string | null;
  /** Why it does not load. */
  readonly error: string | null;
  /** The run of the built-in guest on it; null when that was not tried. */
  readonly guest: GuestReport | null;
}

export interface GuestReport {
  readonly ok: boolean;
  readonly exits: number;
  readonly seconds: number;
  /** What went wrong. */
  readonly error: string | null;
}

/** A guest that takes longer has failed. */
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
 * Runs the built-in guest on each backend that loads.
 *
 * @throws CliError when the user stopped a guest: then the other guests do not run.
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
    end = await runSession({ plan: await planRun(undefined, { device, backend }), serialOutput, timeoutSeconds });
  } catch (error) {
    return { ok: false, exits: 0, seconds: 0, error: (error as Error).message };
  }
  const { stopCause, record } = end;
  const status = statusOfRun(end);
  if (stopCause !== undefined && stopCause !== 'timeout') throw new CliError(failureOf(end) ?? stopCause, status);
  const { outcome, exitCount: exits, seconds } = record;
  const ok = status === 0;
  return { ok, exits, seconds, error: ok ? null : `it ended with ${outcome.kind}; its output: ${serialOutput.bytes}` };
}

/** The default backend, and why: what `Kvm.open` does. */
export function chosenBackend(): { name: BackendName | null; why: string } {
  try {
    return defaultBackend();
  } catch (error) {
    return { name: null, why: (error as Error).message };
  }
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0] ?? '';
}
