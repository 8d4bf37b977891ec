import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { x86 } from '../architecture/x86.js';
import { LabError, StoppedError } from '../errors.js';
import { type MachineOptions, runMachine } from './machine.js';

/** A shell script in place of QEMU, with QEMU's descriptors. */
function machine(script: string, options: Partial<MachineOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lab-machine-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const qemu = join(folder, 'qemu');
  writeFileSync(qemu, `#!/bin/sh\necho $$ >${folder}/pid\n${script}\n`, { mode: 0o755 });
  const output: string[] = [];
  const phases: string[] = [];
  const status = runMachine({
    ...{ architecture: x86, qemu, image: 'kernel', initramfs: 'files', cpus: 1, memory: 256 },
    ...{ layers: [], shares: [], isTerminal: false, gdbPort: undefined, script: 'true\n' },
    ...{ bootSeconds: 20, commandSeconds: undefined, signal: new AbortController().signal },
    onOutput: (chunk) => output.push(`out ${chunk}`),
    onErrors: (chunk) => output.push(`err ${chunk}`),
    onCommand: () => {},
    onPhase: (name) => phases.push(name),
    ...options,
  });
  status.catch(() => {});
  const isGone = (): boolean => spawnSync('sh', ['-c', `kill -0 $(cat ${folder}/pid)`]).status !== 0;
  return { status, output, phases, isGone };
}

async function failure(status: Promise<number>): Promise<LabError> {
  const error = await status.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof LabError)) throw new Error(`a LabError was expected, not ${String(error)}`);
  return error;
}

test('the machine ends with the status of the command, after all output has been passed on', async () => {
  const { status, output, phases, isGone } = machine(
    'echo phase mounts >&5; echo said >&3; echo complained >&4; echo status 3 >&5; exec sleep 100',
  );
  expect(await status).toBe(3);
  expect(output.toSorted()).toEqual(['err complained\n', 'out said\n']);
  expect(phases).toEqual(['mounts']);
  expect(isGone()).toBe(true);
});

test('the machine is told its mode, layers, shares and script', async () => {
  const { status, output } = machine('head -n 7 <&5 >&3; echo status 0 >&5', {
    layers: ['/a', '/b'],
    shares: ['/c'],
    script: 'one\ntwo\n',
  });
  expect(await status).toBe(0);
  expect(output.join('')).toBe('out pipes\nlayer0 layer1\n/c\n\n8\none\ntwo\n');
});

test('QEMU that exits is reported with its message', async () => {
  const error = await failure(machine('echo no such machine >&2; exit 1').status);
  expect(error.message).toBe('QEMU exited with status 1: no such machine');
});

test('QEMU that is too old for the machine is reported with the version that the lab needs', async () => {
  const said = "qemu-system-x86_64: Property 'pc-q35-5.2-machine.i8042' not found";
  const error = await failure(machine(`echo "${said}" >&2; exit 1`).status);
  expect(error.message).toBe(
    `QEMU exited with status 1: ${said}: the lab needs QEMU 7.0 or later, as Debian 12 has it`,
  );
});

test('QEMU that is killed is reported so, with the end of the console', async () => {
  const error = await failure(machine('echo the last line >&6; kill -9 $$').status);
  expect(error.message).toBe('QEMU was killed (SIGKILL) before the command ended');
  expect(error.console).toBe('the last line');
});

test('a QEMU that cannot be run is reported', async () => {
  const error = await failure(machine('true', { qemu: '/nowhere/qemu' }).status);
  expect(error.message).toMatch(/^QEMU (?:cannot be run|exited with status 127).*\/nowhere\/qemu/s);
});

test('a kernel that panics is reported with its reason', async () => {
  const error = await failure(machine("printf 'a\\nKernel panic - not syncing: no init\\r\\nb\\n' >&6").status);
  expect(error.message).toBe("the lab's kernel panicked: no init");
  expect(error.console).toBe('a\nKernel panic - not syncing: no init\nb');
});

test('a machine that shuts down early is reported', async () => {
  expect((await failure(machine('exit 0').status)).message).toBe('the machine shut down before the command ended');
});

test('a kernel that hangs is given up', async () => {
  const { status, isGone } = machine('echo the last line >&6; exec sleep 100', { bootSeconds: 1 });
  const error = await failure(status);
  expect(error).toMatchObject({ message: 'the lab did not boot within 1 s', console: 'the last line', status: 124 });
  expect(isGone()).toBe(true);
});

test('a command that does not end is given up', async () => {
  const { status, isGone } = machine('echo phase mounts >&5; exec sleep 100', { commandSeconds: 1 });
  expect(await failure(status)).toMatchObject({ message: 'the command did not end within 1 s', status: 124 });
  expect(isGone()).toBe(true);
});

test('a failure of the init is reported', async () => {
  const error = await failure(machine('echo fail /x cannot be mounted >&5; exec sleep 100').status);
  expect(error.message).toBe('/x cannot be mounted');
});

test('an interruption ends the machine before or during its run', async () => {
  const reason = new StoppedError('ended by SIGINT', 130);
  expect(await failure(machine('exec sleep 100', { signal: AbortSignal.abort(reason) }).status)).toBe(reason);
  const interruption = new AbortController();
  const onPhase = (): void => interruption.abort(reason);
  const { status, isGone } = machine('echo phase modules >&5; exec sleep 100', {
    signal: interruption.signal,
    onPhase,
  });
  expect(await failure(status)).toBe(reason);
  expect(isGone()).toBe(true);
});
