import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Exit, ExitReason, KvmRunFailEntry, KvmRunInternal, unrecognised, Vcpu } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { guest, withMachine } from '../../test/machine.js';
import { MmioBus } from '../bus/mmio-bus.js';
import { PioBus, type PioDevice } from '../bus/pio-bus.js';
import { Challenge, challengeAddress, challengeLength } from '../devices/challenge.js';
import { com1, Uart, uartPorts } from '../devices/uart/uart.js';
import { describeExit } from './describe-exit.js';
import { type RunOptions, runVcpu } from './run-vcpu.js';

/** Remembers what is written, and reads the next of the values it was given. */
function scripted(values: number[] = []): PioDevice & { writes: [number, number][] } {
  const writes: [number, number][] = [];
  return {
    writes,
    read: () => values.shift() ?? 0,
    write: (_offset, size, value) => writes.push([size, value]),
  };
}

onEachBackend('a guest', (backend) => {
  test('greets through the serial port, and its halt ends the run', async () => {
    await withMachine(backend, 'real', guest('hello16'), (machine) => {
      let text = '';
      machine.pio.attach(com1, uartPorts, new Uart({ output: (bytes) => (text += Buffer.from(bytes)) }));
      expect(runVcpu(machine.vcpu, optionsOf(machine))).toEqual({ kind: 'halt' });
      expect(text).toBe('Hello from real mode.\n');
      expect(machine.counts.byName()).toEqual({ KVM_EXIT_IO: text.length, KVM_EXIT_HLT: 1 });
      expect(machine.counts.total).toBe(text.length + 1);
    });
  });

  test('in long mode solves the challenge', async () => {
    await withMachine(backend, 'long', guest('hello'), ({ vcpu, ...machine }) => {
      let text = '';
      const challenge = new Challenge(0x0123_4567_89ab_cdefn, 0xfedc_ba98_7654_3211n);
      machine.pio.attach(com1, uartPorts, new Uart({ output: (bytes) => (text += Buffer.from(bytes)) }));
      machine.mmio.attach(challengeAddress, challengeLength, challenge);
      expect(runVcpu(vcpu, optionsOf(machine))).toEqual({ kind: 'halt' });
      expect(challenge.verdict).toBe('right');
      expect(text).toContain(`make ${challenge.expected}\nThe host has checked it: right.`);
    });
  });

  test('echoes its input until Ctrl-D, and ends with the status of its choice', async () => {
    await withMachine(backend, 'real', guest('echo'), (machine) => {
      let text = '';
      let input = Buffer.from('ping\x04');
      const uart = new Uart({
        output: (bytes) => (text += Buffer.from(bytes)),
        starved: () => {
          input = input.subarray(uart.push(input));
        },
      });
      machine.pio.attach(com1, uartPorts, uart);
      expect(runVcpu(machine.vcpu, optionsOf(machine))).toEqual({ kind: 'exit', status: 0 });
      uart.flush();
      expect(text).toBe('ping');
    });
  });

  test('ends with a status, through the debug-exit port', async () => {
    await withMachine(backend, 'real', guest('exit'), (machine) => {
      expect(runVcpu(machine.vcpu, optionsOf(machine))).toEqual({ kind: 'exit', status: 42 });
    });
  });

  test('has every size of port access answered', async () => {
    await withMachine(backend, 'real', guest('pio'), ({ memory, ...machine }) => {
      const back = scripted();
      const text = scripted();
      machine.pio.attach(0x10, 6, {
        read: (offset) => [0x99, 0, 0xaabb, 0, 0xccdd_eeff][offset] ?? 0,
        write: () => {},
      });
      machine.pio.attach(0x18, 4, back);
      machine.pio.attach(0x20, 1, text);
      machine.pio.attach(0x22, 1, scripted([1, 2, 3, 4]));
      expect(runVcpu(machine.vcpu, optionsOf(machine))).toEqual({ kind: 'halt' });
      // The range at 0x10 ends before the 4 bytes of port 0x14 do: they are nobody's, and read all ones.
      expect(back.writes).toEqual([
        [1, 0x99],
        [2, 0xaabb],
        [4, 0xffff_ffff],
      ]);
      expect(machine.pio.unclaimedWrites).toBe(1);
      expect(text.writes).toEqual(Array.from('hello', (letter) => [1, letter.charCodeAt(0)]));
      expect(memory.read(0x2000, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    });
  });

  test('has every element of a string instruction answered, of every size', async () => {
    await withMachine(backend, 'real', guest('strings'), ({ memory, ...machine }) => {
      const out = scripted();
      machine.pio.attach(0x20, 4, out);
      machine.pio.attach(0x22 + 2, 1, scripted());
      expect(runVcpu(machine.vcpu, optionsOf(machine)).kind).toBe('halt');
      expect(out.writes).toEqual([
        [2, 0x1111],
        [2, 0x2222],
        [2, 0x3333],
        [4, 0x4444_4444],
        [4, 0xfedc_ba98],
      ]);
    });
    await withMachine(backend, 'real', guest('strings'), ({ memory, ...machine }) => {
      machine.pio.attach(0x22, 4, scripted([0x1234, 0x5678, 0x9abc, 0xdead_beef, 0x0102_0304]));
      expect(runVcpu(machine.vcpu, optionsOf(machine)).kind).toBe('halt');
      expect([...new Uint16Array(memory.read(0x2000, 6).buffer)]).toEqual([0x1234, 0x5678, 0x9abc]);
      expect([...new Uint32Array(memory.read(0x2010, 8).buffer)]).toEqual([0xdead_beef, 0x0102_0304]);
    });
  });

  test('that faults three times shuts down', async () => {
    await withMachine(backend, 'protected', guest('shutdown'), (machine) => {
      expect(runVcpu(machine.vcpu, optionsOf(machine))).toMatchObject({ kind: 'shutdown' });
    });
  });

  test('that spins is stopped by a kick from another thread', async () => {
    await withMachine(backend, 'real', guest('spin'), async (machine) => {
      const enough = new Int32Array(new SharedArrayBuffer(4));
      const worker = new Worker(new URL('../../test/kicker.mjs', import.meta.url), {
        workerData: { handle: machine.vcpu.kickHandle(), enough },
      });
      await once(worker, 'message');
      try {
        expect(runVcpu(machine.vcpu, optionsOf(machine))).toEqual({ kind: 'interrupted' });
      } finally {
        Atomics.store(enough, 0, 1);
        Atomics.notify(enough, 0);
        await once(worker, 'exit');
      }
    });
  });

  test('goes on after an interruption that was not to end it', async () => {
    await withMachine(backend, 'real', guest('exit'), (machine) => {
      machine.vcpu.kick();
      let asked = 0;
      const outcome = runVcpu(machine.vcpu, {
        ...optionsOf(machine),
        interrupted: () => {
          asked++;
          return false;
        },
      });
      expect(outcome).toEqual({ kind: 'exit', status: 42 });
      expect(asked).toBe(1);
    });
  });

  test('is observed exit by exit, with what its reads were given', async () => {
    await withMachine(backend, 'real', guest('mmio'), (machine) => {
      const seen: string[] = [];
      machine.mmio.attach(0xd_0000n, 0x10n, {
        read: (offset, access) => {
          access.value = BigInt.asUintN(8 * access.len, BigInt(0x0102_0304 + offset));
        },
        write: () => {},
      });
      runVcpu(machine.vcpu, { ...optionsOf(machine), observe: (exit) => seen.push(describeExit(exit)) });
      expect(seen).toEqual([
        'KVM_EXIT_MMIO write addr=0xd0000 len=1 data=11',
        'KVM_EXIT_MMIO write addr=0xd0002 len=2 data=3322',
        'KVM_EXIT_MMIO write addr=0xd0004 len=4 data=77665544',
        'KVM_EXIT_MMIO read addr=0xd0008 len=1 data=0c',
        'KVM_EXIT_IO out port=0x18 size=1 count=1 data=0c',
        'KVM_EXIT_MMIO read addr=0xd000a len=2 data=0e03',
        'KVM_EXIT_IO out port=0x18 size=2 count=1 data=0e03',
        'KVM_EXIT_MMIO read addr=0xd000c len=4 data=10030201',
        'KVM_EXIT_IO out port=0x18 size=4 count=1 data=10030201',
        'KVM_EXIT_HLT',
      ]);
    });
  });
});

function optionsOf({ pio, mmio, debugExit, counts }: RunOptions): RunOptions {
  return { pio, mmio, ...(debugExit && { debugExit }), ...(counts && { counts }) };
}

/** A vCPU that exits once, for a reason that guests here cannot be brought to have. */
function exiting(exit: Exit, rip = 0x1234n, base = 0n): Vcpu {
  const vcpu: Vcpu = Object.create(Vcpu.prototype);
  return Object.assign(vcpu, { run: () => exit, getRegs: () => ({ rip }), getSregs: () => ({ cs: { base } }) });
}

test.each<[string, Exit, object]>([
  [
    'a refused entry',
    { reason: ExitReason.FailEntry, failEntry: KvmRunFailEntry.from({ hardwareEntryFailureReason: 7n, cpu: 1 }) },
    { kind: 'entry-failure', hardwareReason: 7n, cpu: 1 },
  ],
  [
    'an instruction that cannot be emulated',
    { reason: ExitReason.InternalError, internal: KvmRunInternal.from({ suberror: 1 }) } as Exit,
    { kind: 'internal-error', suberror: 1, rip: 0x1234n },
  ],
  [
    'an exit without a device',
    { reason: ExitReason.Nmi } as unknown as Exit,
    { kind: 'unhandled', reason: 'KVM_EXIT_NMI', rip: 0x1234n },
  ],
  [
    'an exit that no header names',
    { reason: unrecognised, exitReason: 200, raw: new Uint8Array(8) },
    { kind: 'unhandled', reason: 'exit 200', rip: 0x1234n },
  ],
])('%s ends the run and says so', (_, exit, outcome) => {
  expect(runVcpu(exiting(exit), { pio: new PioBus(), mmio: new MmioBus() })).toEqual(outcome);
});

test('a shutdown is where the guest was, unless the vCPU has been reset', () => {
  const shutdown = { reason: ExitReason.Shutdown } as Exit;
  const end = (vcpu: Vcpu) => runVcpu(vcpu, { pio: new PioBus(), mmio: new MmioBus() });
  expect(end(exiting(shutdown))).toEqual({ kind: 'shutdown', rip: 0x1234n });
  expect(end(exiting(shutdown, 0xfff0n))).toEqual({ kind: 'shutdown', rip: 0xfff0n });
  expect(end(exiting(shutdown, 0xfff0n, 0xffff_0000n))).toEqual({ kind: 'shutdown', rip: undefined });
});
