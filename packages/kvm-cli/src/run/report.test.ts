import type { Outcome } from '@kvm/vmm';
import pc from 'picocolors';
import { expect, test } from 'vitest';
import { failureOf, reportText, statusOfRun } from './report.js';
import type { ChallengeResult } from './run-record.js';
import type { SessionEnd } from './session.js';
import type { StopCause } from './stop-cause.js';

function ended(outcome: Outcome, stopCause?: StopCause, challenge?: ChallengeResult): SessionEnd {
  const unclaimed = { pio: 0, mmio: 0 };
  const times = { secondsToStart: undefined, secondsToOutput: undefined, seconds: 0 };
  const stats = { exits: {}, exitCount: 0, devices: {}, unclaimed, requests: 0, ...times };
  return { record: { outcome, backend: 'ffi', ...stats, challenge }, stopCause };
}

const rip = 0x1000n;

const ends: [Outcome, StopCause | undefined, number, string | undefined][] = [
  [{ kind: 'halt' }, undefined, 0, undefined],
  [{ kind: 'exit', status: 77 }, undefined, 77, undefined],
  [{ kind: 'power-off' }, undefined, 0, undefined],
  [{ kind: 'reboot' }, undefined, 0, undefined],
  [{ kind: 'guest-panic' }, undefined, 3, 'the guest crashed: its kernel panicked'],
  [{ kind: 'interrupted' }, 'timeout', 124, 'the guest was stopped: it timed out'],
  [{ kind: 'interrupted' }, 'SIGINT', 130, 'the guest was stopped: SIGINT'],
  [{ kind: 'interrupted' }, 'output closed', 141, 'the guest was stopped: the reader of its output has gone'],
  [{ kind: 'interrupted' }, 'output failed', 1, undefined],
  [{ kind: 'interrupted' }, 'SIGQUIT', 131, 'the guest was stopped: SIGQUIT'],
  [{ kind: 'interrupted' }, 'Ctrl-A x', 130, 'the guest was stopped: Ctrl-A x'],
  [{ kind: 'shutdown', rip }, undefined, 3, 'the guest crashed: it shut down (triple fault) at rip 0x1000'],
  [
    { kind: 'shutdown', rip: undefined },
    undefined,
    3,
    'the guest crashed: it shut down (triple fault) at an unknown rip',
  ],
  [
    { kind: 'internal-error', suberror: 1, rip },
    undefined,
    3,
    'the guest crashed: KVM could not continue at rip 0x1000 (instruction emulation)',
  ],
  [
    { kind: 'internal-error', suberror: 9, rip },
    undefined,
    3,
    'the guest crashed: KVM could not continue at rip 0x1000 (internal error 9)',
  ],
  [
    { kind: 'entry-failure', hardwareReason: 0x8000_0021n, cpu: 0 },
    undefined,
    3,
    'the guest crashed: the processor refused the state of the vCPU (reason 0x80000021)',
  ],
  [
    { kind: 'unhandled', reason: 'KVM_EXIT_NMI', rip },
    undefined,
    3,
    'the guest crashed: it exited with KVM_EXIT_NMI at rip 0x1000, which this machine does not handle',
  ],
];

test.each(ends.map(([outcome, cause, status, words]) => ({ kind: outcome.kind, outcome, cause, status, words })))(
  'a run that ends with $kind ($cause) has status $status and the message: $words',
  ({ outcome, cause, status, words }) => {
    expect(statusOfRun(ended(outcome, cause))).toBe(status);
    expect(failureOf(ended(outcome, cause))).toBe(words);
  },
);

test.each([
  [
    { secondsToOutput: 0.0012, seconds: 0.5, secondsToStart: 0.08 },
    '500.0 ms, first output after 1.2 ms, started in 80.0 ms',
  ],
  [{ secondsToOutput: undefined, seconds: 0.5, secondsToStart: undefined }, '500.0 ms'],
])('times are reported: %o', (times, words) => {
  const { record } = ended({ kind: 'halt' });
  const text = reportText({ record: { ...record, ...times }, stopCause: undefined }, pc.createColors(false));
  expect(text).toContain(`time       ${words}\n`);
});

test.each([
  [{ uart: 7, rtc: 1 }, 8, 'uart 7, rtc 1; 8 requests to their thread'],
  [{}, 0, 'none was accessed; 0 requests to their thread'],
])('devices that answered are reported: %o', (devices, requests, words) => {
  const { record } = ended({ kind: 'halt' });
  const text = reportText({ record: { ...record, devices, requests }, stopCause: undefined }, pc.createColors(false));
  expect(text).toContain(`devices    ${words}\n`);
});

test.each([
  [{ pio: 1, mmio: 0 }, '1 access to ports, 0 to memory'],
  [{ pio: 0, mmio: 2 }, '0 accesses to ports, 2 to memory'],
])('unclaimed accesses are reported: %o', (unclaimed, words) => {
  const { record } = ended({ kind: 'halt' });
  const text = reportText({ record: { ...record, unclaimed }, stopCause: undefined }, pc.createColors(false));
  expect(text).toContain(`unclaimed  ${words}\n`);
});

const verdicts = [
  ['right', 12n, 0, 'correct: 12'],
  ['wrong', 13n, 1, 'WRONG: 13, expected 12'],
  ['none', undefined, 1, 'MISSING: the guest wrote no result'],
] as const;

test.each(verdicts.map(([verdict, result, status, words]) => ({ verdict, result, status, words })))(
  'the report and the status of a demo whose verdict is $verdict',
  ({ verdict, result, status, words }) => {
    const end = ended({ kind: 'halt' }, undefined, { a: 3n, b: 4n, expected: 12n, result, verdict });
    expect(statusOfRun(end)).toBe(status);
    expect(reportText(end, pc.createColors(false))).toContain(`arithmetic ${words}\n`);
  },
);
