import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** The kernel's tracepoints of KVM, read from tracefs. */

const folder = '/sys/kernel/tracing';
const events = ['kvm_entry', 'kvm_exit', 'kvm_pio', 'kvm_mmio'] as const;
/** KiB for each processor: more than a boot fills. */
const bufferSize = 32 * 1024;

function set(name: string, value: string | number): void {
  writeFileSync(`${folder}/${name}`, `${value}`);
}

/** Mounts tracefs where it is missing, and chooses the events. Their clock is that of `process.hrtime`. */
export function prepareTracing(): void {
  if (!existsSync(`${folder}/trace`)) execFileSync('mount', ['-t', 'tracefs', 'tracefs', folder]);
  set('tracing_on', 0);
  set('trace_clock', 'mono');
  set('buffer_size_kb', bufferSize);
  for (const event of events) set(`events/kvm/${event}/enable`, 1);
}

/** Runs something while the tracepoints are on. Returns what they recorded. */
export async function traced(run: () => Promise<void>): Promise<string> {
  set('trace', '');
  set('tracing_on', 1);
  try {
    await run();
  } finally {
    set('tracing_on', 0);
  }
  return readFileSync(`${folder}/trace`, 'latin1');
}
