import { flat, Machine } from '@kvm/vmm';

/**
 * Bytes of a process with a machine of one CPU, beyond what its guest has touched, and bytes that each of three further
 * machines adds. Their guests run in a loop of one instruction.
 */

/** `jmp $`. */
const image = Uint8Array.of(0xeb, 0xfe);
const MiB = 2 ** 20;
const further = 3;

const machines: Machine[] = [];

async function more(): Promise<void> {
  const machine = await Machine.create({ memory: 64 * MiB, boot: flat({ image }) });
  machines.push(machine);
  machine.start();
  await machine.started;
}

await more();
const first = process.memoryUsage.rss();
for (let i = 0; i < further; i++) await more();
const each = (process.memoryUsage.rss() - first) / further;
for (const machine of machines) await machine.close();
process.stdout.write(JSON.stringify([first, each]));
