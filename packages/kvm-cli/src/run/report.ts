import type { Outcome } from '@kvm/vmm';
import type pc from 'picocolors';
import { ExitStatus } from '../exit-status.js';
import { count } from '../output/count.js';
import type { RunPlan } from './plan.js';
import type { ChallengeResult } from './run-record.js';
import type { SerialRecord } from './serial-record.js';
import type { SessionEnd } from './session.js';
import { type StopCause, stopStatus } from './stop-cause.js';

/** What a run means to the caller of kvm-cli: an exit status, and a report as text or JSON. */

export function statusOfRun({ record, stopCause }: SessionEnd): number {
  switch (record.outcome.kind) {
    case 'halt':
      return record.challenge === undefined || record.challenge.verdict === 'right'
        ? ExitStatus.Ok
        : ExitStatus.Failure;
    case 'exit':
      return record.outcome.status;
    case 'power-off':
    case 'reboot':
      return ExitStatus.Ok;
    case 'interrupted':
      return stopCause === undefined ? ExitStatus.Failure : stopStatus(stopCause);
    default:
      return ExitStatus.GuestCrashed;
  }
}

/** The ends that the guest chose itself. */
const orderly: ReadonlySet<Outcome['kind']> = new Set(['halt', 'exit', 'power-off', 'reboot']);

/** The predicate of a sentence about the guest. */
export function outcomeText(outcome: Outcome, stopCause: StopCause | undefined): string {
  switch (outcome.kind) {
    case 'halt':
      return 'halted';
    case 'exit':
      return `exited with status ${outcome.status}`;
    case 'power-off':
      return 'powered off';
    case 'reboot':
      return 'asked for a reboot';
    case 'guest-panic':
      return 'crashed: its kernel panicked';
    case 'shutdown': {
      const place = outcome.rip === undefined ? 'an unknown rip' : `rip ${hex(outcome.rip)}`;
      return `crashed: it shut down (triple fault) at ${place}`;
    }
    case 'internal-error':
      return `crashed: KVM could not continue at rip ${hex(outcome.rip)} (${suberrorText(outcome.suberror)})`;
    case 'entry-failure':
      return `crashed: the processor refused the state of the vCPU (reason ${hex(outcome.hardwareReason)})`;
    case 'unhandled':
      return `crashed: it exited with ${outcome.reason} at rip ${hex(outcome.rip)}, which this machine does not handle`;
    case 'interrupted':
      return `was stopped: ${stopText(stopCause)}`;
  }
}

function stopText(cause: StopCause | undefined): string {
  switch (cause) {
    case 'timeout':
      return 'it timed out';
    case 'output closed':
      return 'the reader of its output has gone';
    case 'output failed':
      return 'its output could not be written';
    default:
      return cause ?? 'interrupted';
  }
}

/** The error message for a run that ended badly; undefined when there is nothing to say. */
export function failureOf({ record, stopCause }: SessionEnd): string | undefined {
  const { outcome } = record;
  // kvm-cli reports at its end which output failed, and why.
  if (outcome.kind === 'interrupted' && stopCause === 'output failed') return undefined;
  if (orderly.has(outcome.kind)) return undefined;
  return `the guest ${outcomeText(outcome, stopCause)}`;
}

export function reportText({ record, stopCause }: SessionEnd, colors: ReturnType<typeof pc.createColors>): string {
  const { outcome, exits, exitCount, devices, unclaimed, requests, backend, challenge } = record;
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const lines = [
    ['guest', outcomeText(outcome, stopCause)],
    ['exits', `${exitCount}: ${listed(exits)}`],
    ['devices', `${listed(devices) || 'none was accessed'}; ${count(requests, 'request')} to their thread`],
    ['backend', backend],
    ['time', timeText(record)],
  ];
  if (unclaimed.pio + unclaimed.mmio > 0) {
    lines.push(['unclaimed', `${count(unclaimed.pio, 'access', 'accesses')} to ports, ${unclaimed.mmio} to memory`]);
  }
  if (challenge !== undefined) {
    const paint = challenge.verdict === 'right' ? colors.green : colors.red;
    lines.push(['arithmetic', paint(verdictText(challenge))]);
  }
  return lines.map(([name = '', text = '']) => `${colors.dim(name.padEnd(11))}${text}\n`).join('');
}

function timeText({ secondsToStart, secondsToOutput, seconds }: SessionEnd['record']): string {
  const ms = (time: number): string => `${(time * 1000).toFixed(1)} ms`;
  return [
    ms(seconds),
    ...(secondsToOutput === undefined ? [] : [`first output after ${ms(secondsToOutput)}`]),
    ...(secondsToStart === undefined ? [] : [`started in ${ms(secondsToStart)}`]),
  ].join(', ');
}

function verdictText({ verdict, expected, result }: ChallengeResult): string {
  switch (verdict) {
    case 'right':
      return `correct: ${result}`;
    case 'wrong':
      return `WRONG: ${result}, expected ${expected}`;
    case 'none':
      return 'MISSING: the guest wrote no result';
  }
}

/** The document of `--json`: addresses are hexadecimal strings, the numbers of the demo decimal strings. */
export function reportJson({ guest }: RunPlan, end: SessionEnd, serial: SerialRecord): string {
  const { outcome, challenge, ...record } = end.record;
  const document = {
    status: statusOfRun(end),
    outcome: outcome.kind === 'shutdown' ? { ...outcome, rip: outcome.rip ?? null } : outcome,
    stopCause: end.stopCause ?? null,
    guest,
    ...record,
    secondsToStart: record.secondsToStart ?? null,
    secondsToOutput: record.secondsToOutput ?? null,
    challenge: challenge === undefined ? null : decimal(challenge),
    serial: serial.bytes.toString('utf8'),
    serialBase64: serial.bytes.toString('base64'),
    serialBytes: serial.total,
  };
  return `${JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? hex(value) : value), 2)}\n`;
}

function decimal(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([k, v]) => [k, typeof v === 'bigint' ? String(v) : (v ?? null)]),
  );
}

function suberrorText(suberror: number): string {
  const names = ['', 'instruction emulation', 'simultaneous exceptions', 'event delivery'];
  return names[suberror] || `internal error ${suberror}`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
