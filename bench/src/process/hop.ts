import { flat, Machine } from '@kvm/vmm';
import { summary } from '../rounds/statistics.js';

/** How many times as long as an exit without a device an access takes that the thread of the devices answers. */

const accesses = 5000;
const rounds = 5;
/** Read-only in this loop: the interrupt-enable register of COM1, and a port without a device. */
const devicePort = 0x3f9;
const freePort = 0x500;

/** Reads a port so often: mov cx, accesses; mov dx, port; again: in al, dx; loop again; hlt */
function reader(port: number): Uint8Array {
  const word = (value: number): number[] => [value & 0xff, value >>> 8];
  return Uint8Array.of(0xb9, ...word(accesses), 0xba, ...word(port), 0xec, 0xe2, 0xfd, 0xf4);
}

async function seconds(port: number): Promise<number> {
  const machine = await Machine.create({ memory: '1M', boot: flat({ image: reader(port) }) });
  machine.start();
  await machine.done;
  return machine.stats.seconds;
}

const ratios: number[] = [];
for (let i = 0; i < rounds; i++) ratios.push((await seconds(devicePort)) / (await seconds(freePort)));
process.stdout.write(`${summary(ratios).median}`);
