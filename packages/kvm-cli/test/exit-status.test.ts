import { expect, test } from 'vitest';
import { onEachBackend } from '../../kvm-core/test/backends.js';
import { cli, guest, temporaryFile } from './cli.js';

/** A multiboot kernel whose code is given: it runs with the devices of a PC. */
function kernel(code: readonly number[]): Buffer {
  const load = 0x10_0000;
  const header = [0x1bad_b002, 0x1_0000, -(0x1bad_b002 + 0x1_0000), load, load, 0, 0, load + 32];
  return Buffer.concat([Buffer.from(Int32Array.from(header).buffer), Uint8Array.from(code)]);
}

/** `mov dx, port; mov al, value; out dx, al; jmp .` */
const out = (port: number, value: number): number[] => [
  0x66,
  0xba,
  port & 0xff,
  port >> 8,
  0xb0,
  value,
  0xee,
  0xeb,
  0xfe,
];

/** `lidt [0]` from zeros, and an interrupt: nothing can handle it. */
const tripleFault = [0x0f, 0x01, 0x1d, 0, 0, 0, 0, 0xcc];

const ends: [string, number[], number, string][] = [
  ['debug-exit', out(0xf4, 77), 77, ''],
  ['pvpanic', out(0x505, 1), 3, 'kvm-cli: the guest crashed: its kernel panicked\n'],
  ['a reset by the keyboard controller', out(0x64, 0xfe), 0, ''],
  ['a triple fault', tripleFault, 3, 'kvm-cli: the guest crashed: it shut down (triple fault) at '],
];

onEachBackend('the exit status of kvm-cli run', (backend) => {
  test.each(ends)('after %s is as documented', async (_, code, expected, message) => {
    const path = temporaryFile('kernel', kernel(code));
    const { status, stderr } = await cli(['run', '--protocol', 'multiboot', path], { env: { KVM_BACKEND: backend } });
    expect(stderr.slice(0, message.length || 1)).toBe(message);
    expect(status).toBe(expected);
  });

  test('after a timeout is 124', async () => {
    const args = ['run', '--timeout', '0.2', guest('spin')];
    expect((await cli(args, { env: { KVM_BACKEND: backend } })).status).toBe(124);
  });
});
