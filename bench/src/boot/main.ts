import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpio, folder, regularFile } from '@kvm/vmm/cpio';
import { type Guest, type Monitor, monitors } from './monitors.js';
import { type BootResult, bootTable } from './table.js';
import { readTrace } from './trace.js';
import { prepareTracing, traced } from './tracing.js';

/** Boots one kernel in each monitor, in turn. Runs as root in a lab: `pnpm bench --lab`. */

/** Not in what a kernel prints. */
const mark = '~';
const init = `#!/bin/busybox sh
echo '${mark}init'
exec /bin/busybox sleep 1000
`;
/** Milliseconds. */
const patience = 60_000;

const { KVM_LAB_KERNEL: kernel, KVM_LAB_BUSYBOX: busybox } = process.env;
if (kernel === undefined || busybox === undefined) throw new Error('run this by: pnpm bench --lab');
const rounds = Number(process.argv[2] ?? 5);
const isJson = process.argv[3] === 'json';

const initrd = join(mkdtempSync(join(tmpdir(), 'bench-boot-')), 'initrd');
writeFileSync(
  initrd,
  cpio([
    { path: 'bin', mode: folder },
    { path: 'bin/busybox', mode: regularFile, data: readFileSync(busybox) },
    { path: 'init', mode: regularFile, data: Buffer.from(init) },
  ]),
);
const cmdline = 'console=ttyS0 panic=-1 pci=off quiet';

/** Starts a monitor and ends it when init has reported. */
async function bootOnce(command: readonly string[]): Promise<void> {
  const [program, ...args] = command as [string, ...string[]];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString('latin1');
  });
  const timeout = setTimeout(() => child.kill('SIGKILL'), patience);
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString('latin1');
    if (said.includes(mark)) child.kill('SIGKILL');
  });
  await ended;
  clearTimeout(timeout);
  if (!said.includes(mark)) throw new Error(`${program} did not reach init: ${said.slice(-500)}`);
}

async function measure(monitor: Monitor, guest: Guest): Promise<BootResult> {
  let start = 0;
  const text = await traced(async () => {
    start = Number(process.hrtime.bigint()) / 1e9;
    await bootOnce(monitor.command(guest));
  });
  const { firstEntry, init: reached, exits, accesses } = readTrace(text, mark.charCodeAt(0));
  return {
    monitor: monitor.name,
    cpus: guest.cpus,
    start: firstEntry - start,
    boot: reached - firstEntry,
    exits,
    accesses,
  };
}

prepareTracing();
const { present, missing } = monitors();
for (const name of missing) process.stderr.write(`${name} is not installed here\n`);
const results: BootResult[] = [];
for (const cpus of [1, 2]) {
  const guest = { kernel, initrd, cmdline, cpus, memory: 256 };
  for (let round = 0; round < rounds; round++) {
    for (const monitor of present) {
      try {
        results.push(await measure(monitor, guest));
        process.stderr.write(`${monitor.name}, ${cpus} CPUs: round ${round + 1} of ${rounds}\n`);
      } catch (error) {
        process.stderr.write(`${monitor.name}, ${cpus} CPUs: ${(error as Error).message}\n`);
      }
    }
  }
}
process.stdout.write(isJson ? `${JSON.stringify(results)}\n` : bootTable(results));
