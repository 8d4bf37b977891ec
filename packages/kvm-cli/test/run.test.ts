import { once } from 'node:events';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../kvm-core/test/backends.js';
import {
  chatter,
  cli,
  dyingMainThread,
  end,
  failingThread,
  guest,
  readyThenSpin,
  slowThread,
  start,
  talker,
  temporaryFile,
  temporaryFolder,
} from './cli.js';

onEachBackend('kvm-cli run', (backend) => {
  const env = { KVM_BACKEND: backend };

  test('without a file runs the demo: a greeting, arithmetic that the host verifies, a report', async () => {
    const { status, stdout, stderr } = await cli(['run'], { env });
    expect(stdout).toMatch(
      /^Hello from inside a KVM virtual machine!\n(.+\n){6}The host verified the result\. Halting\.\n$/,
    );
    const [, a, b, result] = /a = (\d+)\n {2}b = (\d+)\n.* = (\d+)\n/.exec(stdout) ?? [];
    let x = BigInt(a ?? 0);
    for (let i = 1n; i <= 16n; i++) x = BigInt.asUintN(64, x * BigInt(b ?? 0) + i);
    expect(BigInt(result ?? -1)).toBe(x);
    expect(stderr).toMatch(/^guest +halted$/m);
    expect(stderr).toMatch(/^exits +\d+: KVM_EXIT_IO \d+, KVM_EXIT_MMIO 4, KVM_EXIT_HLT 1$/m);
    expect(stderr).toMatch(new RegExp(`^backend +${backend}$`, 'm'));
    expect(stderr).toMatch(/^time +[\d.]+ ms, first output after /m);
    expect(stderr).toMatch(/^devices +com1 \d+, challenge 4; \d+ requests to their thread$/m);
    expect(stderr).toContain(`correct: ${result}`);
    expect(status).toBe(0);
  });

  test.each([
    ['hello16', 'real', 'Hello from real mode.\n'],
    ['hello32', 'protected', 'Hello from protected mode.\n'],
  ])('runs %s in %s mode, and prints only its output', async (name, mode, greeting) => {
    expect(await cli(['run', '--mode', mode, guest(name)], { env })).toEqual({
      status: 0,
      stdout: greeting,
      stderr: '',
    });
  });

  test('ends with the status that the guest sets', async () => {
    expect(await cli(['run', guest('exit')], { env })).toEqual({ status: 42, stdout: '', stderr: '' });
  });

  test('ends with 3 and one line when the guest crashes', async () => {
    const { status, stderr } = await cli(['run', '--mode', 'protected', guest('shutdown')], { env });
    expect(stderr).toMatch(
      /^kvm-cli: the guest crashed: it shut down \(triple fault\) at (rip 0x1007|an unknown rip)\n$/,
    );
    expect(status).toBe(3);
  });

  test('ends with 124 when a spinning guest has timed out', async () => {
    const { status, stderr } = await cli(['run', '--timeout', '0.2', guest('spin')], { env });
    expect(stderr).toBe('kvm-cli: the guest was stopped: it timed out\n');
    expect(status).toBe(124);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('stops a spinning guest at %s, and ends with %d', async (signal, expected) => {
    const child = start(['run', temporaryFile('spin.bin', readyThenSpin)], { env });
    await once(child.stdout, 'data');
    child.kill(signal);
    const { status, stderr } = await end(child);
    expect(stderr).toBe(`kvm-cli: the guest was stopped: ${signal}\n`);
    expect(status).toBe(expected);
  });

  test('counts the timeout from the first instruction, so a slow start does not stop a fast guest', async () => {
    const result = await cli(['run', '--timeout', '0.15', guest('exit')], { env: { ...env, ...slowThread } });
    expect(result).toMatchObject({ status: 42, stderr: '' });
  });

  test('reads a guest from standard input', async () => {
    const child = start(['run', '-'], { env });
    child.stdin.end(readFileSync(guest('hello16')));
    expect(await end(child)).toEqual({ status: 0, stdout: 'Hello from real mode.\n', stderr: '' });
  });

  test('gives no standard input to the guest with --no-stdin', async () => {
    const result = await cli(['run', '--no-stdin', '--timeout', '1', guest('echo')], { env, input: 'one\n\x04' });
    expect(result).toMatchObject({ status: 124, stdout: '' });
  });

  test('keeps every byte of the guest in its JSON document', async () => {
    // mov dx, 0x3f8; mov al, 0xff; out dx, al; mov al, 'x'; out dx, al; hlt
    const path = temporaryFile('bytes.bin', Uint8Array.of(0xba, 0xf8, 0x03, 0xb0, 0xff, 0xee, 0xb0, 0x78, 0xee, 0xf4));
    const { serial, serialBase64, serialBytes, seconds } = JSON.parse(
      (await cli(['run', '--json', path], { env })).stdout,
    );
    expect({ serial, serialBase64, serialBytes }).toEqual({ serial: '\ufffdx', serialBase64: '/3g=', serialBytes: 2 });
    expect(String(seconds)).toMatch(/^\d+(\.\d{1,6})?$|^[1-9](\.\d+)?e-[56]$/);
  });

  test('passes standard input to the guest, and its output to standard output', async () => {
    const result = await cli(['run', guest('echo')], { env, input: 'one\ntwo\n\x04' });
    expect(result).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  test('does not end at the end of standard input', async () => {
    const result = await cli(['run', '--timeout', '5', guest('echo')], { env, input: 'no end' });
    expect(result).toMatchObject({ status: 124, stdout: 'no end' });
  });

  test('prints a JSON document with --json, which contains the output of the guest', async () => {
    const { status, stdout, stderr } = await cli(['run', '--json'], { env });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      status: 0,
      outcome: { kind: 'halt' },
      stopCause: null,
      guest: { file: null, mode: 'long', memory: 16 * 2 ** 20, loadAddr: '0x1000', entry: '0x1000' },
      backend,
      exits: { KVM_EXIT_MMIO: 4, KVM_EXIT_HLT: 1 },
      unclaimed: { pio: 0, mmio: 0 },
      challenge: { verdict: 'right' },
    });
    expect(document.serial).toContain(document.challenge.expected);
    expect(document.exitCount).toBe(document.exits.KVM_EXIT_IO + 5);
    expect(status).toBe(0);
    expect(stderr).toBe('');
  });

  test('reports failed runs in the JSON document', async () => {
    const crash = await cli(['run', '--json', '--mode', 'protected', guest('shutdown')], { env });
    const { status, outcome } = JSON.parse(crash.stdout);
    expect({ status, kind: outcome.kind }).toEqual({ status: 3, kind: 'shutdown' });
    // AMD processors do not report where.
    expect(['0x1007', null]).toContain(outcome.rip);
    expect(crash.status).toBe(3);
    const timeout = await cli(['run', '--json', '--timeout', '0.2', guest('spin')], { env });
    expect(JSON.parse(timeout.stdout)).toMatchObject({ status: 124, stopCause: 'timeout' });
  });

  test('prints a line on stderr for each exit with --trace all', async () => {
    const { stdout, stderr } = await cli(['run', '--trace', 'all', guest('hello16')], { env });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(stdout.length + 1);
    expect(lines[0]).toBe('#1 cpu0 KVM_EXIT_IO out port=0x3f8 size=1 count=1 data=48');
    expect(lines.at(-1)).toBe(`#${lines.length} cpu0 KVM_EXIT_HLT`);
  });

  test('writes the exits that --trace names to --trace-file', async () => {
    const path = join(temporaryFolder(), 'trace');
    const { stderr } = await cli(['run', '--trace', 'mmio:0xd0000000-0xd0000007', '--trace-file', path], { env });
    expect(readFileSync(path, 'utf8')).toMatch(/^(#[12] cpu0 KVM_EXIT_MMIO read addr=0xd000000[048].*\n){1,2}$/);
    expect(stderr).not.toContain('KVM_EXIT_MMIO read');
    await cli(['run', '--trace-file', path, guest('hello16')], { env });
    expect(readFileSync(path, 'utf8')).toMatch(/^(#\d+ cpu0 KVM_EXIT_IO .*\n)+#\d+ cpu0 KVM_EXIT_HLT\n$/);
  });

  test('runs the machine of a file, whose paths are relative to it, and flags override it', async () => {
    const folder = temporaryFolder();
    copyFileSync(guest('exit'), join(folder, 'guest.bin'));
    const config = join(folder, 'machine.json');
    writeFileSync(
      config,
      JSON.stringify({ memory: '2M', boot: { type: 'flat', image: 'guest.bin', entry: '0x1001' } }),
    );
    const flags = ['--entry', '0x1000', '--mem', '4M', '--json', '--mem-file', join(folder, 'ram')];
    const { status, stdout } = await cli(['run', '--config', config, ...flags], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      status: 42,
      guest: { memory: 2 ** 22, loadAddr: '0x1000', entry: '0x1000' },
    });
    expect(status).toBe(42);
    expect(statSync(join(folder, 'ram')).size).toBe(2 ** 22);
    const other = await cli(['run', '--config', config, guest('hello16'), '--entry', '0x1000'], { env });
    expect(other).toEqual({ status: 0, stdout: 'Hello from real mode.\n', stderr: '' });
  });

  test('reports who answered, and when output began, with --stats and --json', async () => {
    const { stderr } = await cli(['run', '--stats', guest('hello16')], { env });
    expect(stderr).toMatch(/^devices +com1 \d+; \d+ requests to their thread$/m);
    expect(stderr).toMatch(/^time +[\d.]+ ms, first output after [\d.]+ ms, started in [\d.]+ ms$/m);
    const { devices, requests, secondsToStart, secondsToOutput, seconds } = JSON.parse(
      (await cli(['run', '--json', guest('hello16')], { env })).stdout,
    );
    expect(devices).toEqual({ com1: requests });
    expect(secondsToStart).toBeGreaterThan(0);
    expect(secondsToOutput).toBeLessThanOrEqual(seconds);
  });

  test('reports unclaimed accesses', async () => {
    const { stderr } = await cli(['run', '--stats', guest('pio')], { env });
    expect(stderr).toMatch(/^unclaimed +(1 access|\d+ accesses) to ports, 0 to memory$/m);
  });

  test('ends with 141 when the reader of the output has gone', async () => {
    const child = start(['run', temporaryFile('chatter.bin', chatter)], { env });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect((await end(child)).status).toBe(141);
  });

  test('does not wait for a reader that does not read after a timeout', async () => {
    const child = start(['run', '--timeout', '1', temporaryFile('chatter.bin', chatter)], { env });
    const [status] = await once(child, 'exit');
    expect(status).toBe(124);
  });

  test('does not wait for a reader that does not read after a signal', async () => {
    const child = start(['run', temporaryFile('chatter.bin', chatter)], { env });
    await once(child.stdout, 'readable');
    // Until the pipe and all buffers before it are full.
    await sleep(1000);
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    expect(status).toBe(143);
  });

  test('loses no output when the thread of the vCPU fails', async () => {
    const result = await cli(['run', temporaryFile('talker.bin', talker)], { env: { ...env, ...failingThread } });
    expect(result.stdout).toBe('x'.repeat(0x1_0000));
    expect(result).toMatchObject({ status: 1, stderr: 'kvm-cli: the thread has failed\n' });
  });

  test('stops a spinning guest when its own main thread fails', async () => {
    const { status, stderr } = await cli(['run', guest('spin')], { env: { ...env, ...dyingMainThread } });
    expect(stderr).toContain('main thread failed');
    expect(status).toBe(1);
  });
});

onEachBackend('kvm-cli run --backend', (backend) => {
  test('overrides KVM_BACKEND', async () => {
    const other = backend === 'native' ? 'ffi' : 'native';
    const { status, stdout } = await cli(['run', '--json', '--backend', backend], { env: { KVM_BACKEND: other } });
    expect(JSON.parse(stdout)).toMatchObject({ backend, status: 0 });
    expect(status).toBe(0);
  });

  test('also stops a guest, when KVM_BACKEND is no backend', async () => {
    const args = ['run', '--backend', backend, '--timeout', '0.2', guest('spin')];
    expect((await cli(args, { env: { KVM_BACKEND: 'none' } })).status).toBe(124);
  });
});
