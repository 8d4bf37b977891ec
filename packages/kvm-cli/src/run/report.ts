import type { Outcome } from '@kvm/vmm';
import type pc from 'picocolors';
import { ExitStatus } from '../exit-status.js';
import { count } from '../output/count.js';
import type { ChallengeResult, Task } from './protocol.js';
import type { SerialRecord } from './serial-record.js';
import type { SessionEnd } from './session.js';
import { type StopCause, stopStatus } from './stop-cause.js';

/** What a run means to whoever started kvm-cli: its status, and its report in words and in JSON. */

export function statusOfRun({ record, stopCause }: SessionEnd): number {
  switch (record.outcome.kind) {
    case 'halt':
      return record.challenge === undefined || record.challenge.verdict === 'right'
        ? ExitStatus.Ok
        : ExitStatus.Failure;
    case 'exit':
      return record.outcome.status;
    case 'interrupted':
      return stopCause === undefined ? ExitStatus.Failure : stopStatus(stopCause);
    default:
      return ExitStatus.GuestCrashed;
  }
}

/** The outcome in words that go on after "the guest". */
export function outcomeInWords(outcome: Outcome, stopCause: StopCause | undefined): string {
  switch (outcome.kind) {
    case 'halt':
      return 'halted';
    case 'exit':
      return `ended with status ${outcome.status}`;
    case 'shutdown':
      return `crashed: it shut down, as by a triple fault, ${outcome.rip === undefined ? 'where this processor does not tell' : `at rip ${hex(outcome.rip)}`}`;
    case 'internal-error':
      return `crashed: KVM could not go on at rip ${hex(outcome.rip)}${suberror(outcome.suberror)}`;
    case 'entry-failure':
      return `crashed: the processor refused the vCPU's state, with reason ${hex(outcome.hardwareReason)}`;
    case 'unhandled':
      return `crashed: it exited with ${outcome.reason} at rip ${hex(outcome.rip)}, which this machine has nothing for`;
    case 'interrupted':
      return `was stopped: ${stopInWords(stopCause)}`;
  }
}

function stopInWords(cause: StopCause | undefined): string {
  switch (cause) {
    case 'timeout':
      return 'its time was up';
    case 'output closed':
      return 'nobody reads its output any more';
    case 'output failed':
      return 'its output could not be written';
    default:
      return cause ?? 'interrupted';
  }
}

/** A line that says why a run did not end well, where nothing else says so. */
export function complaint({ record, stopCause }: SessionEnd): string | undefined {
  const { outcome } = record;
  // The end of kvm-cli tells which output, and why.
  if (outcome.kind === 'interrupted' && stopCause === 'output failed') return undefined;
  return outcome.kind === 'halt' || outcome.kind === 'exit'
    ? undefined
    : `the guest ${outcomeInWords(outcome, stopCause)}`;
}

export function reportText({ record, stopCause }: SessionEnd, colors: ReturnType<typeof pc.createColors>): string {
  const { outcome, exits, exitCount, unclaimed, backend, seconds, challenge } = record;
  const reasons = Object.entries(exits).map(([name, count]) => `${name} ${count}`);
  const lines = [
    ['guest', outcomeInWords(outcome, stopCause)],
    ['exits', `${exitCount}: ${reasons.join(', ')}`],
    ['backend', backend],
    ['time', `${(seconds * 1000).toFixed(1)} ms`],
  ];
  if (unclaimed.pio + unclaimed.mmio > 0) {
    lines.push(['unclaimed', `${count(unclaimed.pio, 'access', 'accesses')} to ports, ${unclaimed.mmio} to memory`]);
  }
  if (challenge !== undefined) {
    const paint = challenge.verdict === 'right' ? colors.green : colors.red;
    lines.push(['arithmetic', paint(verdictInWords(challenge))]);
  }
  return lines.map(([name = '', text = '']) => `${colors.dim(name.padEnd(11))}${text}\n`).join('');
}

function verdictInWords({ verdict, expected, result }: ChallengeResult): string {
  switch (verdict) {
    case 'right':
      return `right: ${result}`;
    case 'wrong':
      return `WRONG: ${result}, where ${expected} is right`;
    case 'none':
      return 'MISSING: the guest has given no result';
  }
}

/** The document of `--json`: addresses as hexadecimal strings, 64-bit numbers as decimal ones. */
export function reportJson(file: string | undefined, task: Task, end: SessionEnd, serial: SerialRecord): string {
  const { outcome, challenge, ...record } = end.record;
  const { mode, loadAddr, entry } = task.plan;
  const document = {
    status: statusOfRun(end),
    outcome: outcome.kind === 'shutdown' ? { ...outcome, rip: outcome.rip ?? null } : outcome,
    stopCause: end.stopCause ?? null,
    guest: { file: file ?? null, mode, bytes: task.image.length, memory: task.memorySize, loadAddr, entry },
    ...record,
    challenge: challenge === undefined ? null : decimal(challenge),
    serial: serial.bytes.toString('utf8'),
    serialBase64: serial.bytes.toString('base64'),
    serialBytes: serial.said,
  };
  return `${JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? hex(value) : value), 2)}\n`;
}

function decimal(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([k, v]) => [k, typeof v === 'bigint' ? String(v) : (v ?? null)]),
  );
}

function suberror(number: number): string {
  const name = ['', 'emulation of an instruction', 'simultaneous exceptions', 'delivery of an event'][number];
  return name === undefined || name === '' ? ` (internal error ${number})` : ` (${name})`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
