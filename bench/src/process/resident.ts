import { execFileSync } from 'node:child_process';
import type { BackendName } from '@kvm/core';

/** Bytes that one VM adds to an idle Node process, including the package, and that each of 16 further ones adds. */

const { Kvm } = await import('@kvm/core');
const { startGuest } = await import('../contenders/guest.js');
const { halts } = await import('../contenders/guest.js');

const backend = process.argv[2] as BackendName;
const kvm = Kvm.open({ backend });
const kept: unknown[] = [kvm];

function more(): void {
  const guest = startGuest(backend, halts, 128 * 2 ** 20);
  guest.vcpu.run();
  kept.push(guest);
}

more();
const first = process.memoryUsage.rss();
for (let i = 0; i < 16; i++) more();
const further = (process.memoryUsage.rss() - first) / 16;
/**
 * Measured last, because starting a program takes memory: a process that loads a module, like this one, and does
 * nothing.
 */
const idle = Number(
  execFileSync(
    process.execPath,
    ['--input-type=module', '-e', 'process.stdout.write(String(process.memoryUsage.rss()))'],
    { encoding: 'utf8' },
  ),
);
process.stdout.write(JSON.stringify([first - idle, further]));
process.exit(kept.length > 0 ? 0 : 1);
