import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Exit, ExitReason, KvmRunFailEntry, KvmRunInternal, unrecognised, Vcpu } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { guest, type TestMachine, withMachine } from '../../test/machine.js';
import type { Registers } from '../bus/registers.js';
import { Uart } from '../devices/uart/uart.js';
import { Devices } from '../machine/devices.js';
import { describeExit } from './describe-exit.js';
import { ExitCounts } from './exit-counts.js';
import { runVcpu } from './run-vcpu.js';

/** Records writes. Reads return the values, one after another. */
function scripted(values: number[] = []): Registers & { writes: [number, number][] } {
  const writes: [number, number][] = [];
  return {
    writes,
    read: () => values.shift() ?? 0,
    write: (_offset, size, value) => writes.push([size, value]),
  };
}

/** Adds COM1, and collects its output. */
function addUart({ devices }: TestMachine): { text: string } {
  const output = { text: '' };
  devices.add(
    new Uart({
      output: (bytes) => {
        output.text += Buffer.from(bytes).toString();
      },
    }),
  );
  return output;
}

onEachBackend('a guest', (backend) => {
  test('prints a greeting on the serial port, and its halt ends the run', async () => {
    await withMachine(backend, 'real', guest('hello16'), (machine) => {
      const output = addUart(machine);
      const counts = new ExitCounts();
      expect(runVcpu(machine.vcpu, { devices: machine.devices, counts })).toEqual({ kind: 'halt' });
      expect(output.text).toBe('Hello from real mode.\n');
      expect(counts.byName()).toEqual({ KVM_EXIT_IO: output.text.length, KVM_EXIT_HLT: 1 });
      expect(counts.total).toBe(output.text.length + 1);
    });
  });

  test('runs in long mode, with accesses of 8 bytes', async () => {
    await withMachine(backend, 'long', guest('mmio64'), (machine) => {
      const memory = scripted([0x0506_0708, 0x0102_0304]);
      const back = scripted();
      machine.devices.mmio.attach(0xd000_0000n, 0x10n, memory);
      machine.devices.pio.attach(0x18, 4, back);
      expect(runVcpu(machine.vcpu, { devices: machine.devices })).toEqual({ kind: 'halt' });
      expect(memory.writes).toEqual([
        [4, 0x5566_7788],
        [4, 0x1122_3344],
      ]);
      expect(back.writes).toEqual([
        [4, 0x0506_0708],
        [4, 0x0102_0304],
      ]);
      expect(machine.vcpu.getRegs().rax).toBe(0x0102_0304_0506_0708n);
    });
  });

  test('echoes its input until Ctrl-D, and ends with a status of its own', async () => {
    await withMachine(backend, 'real', guest('echo'), (machine) => {
      let text = '';
      let input = Buffer.from('ping\x04');
      const uart = new Uart({
        output: (bytes) => (text += Buffer.from(bytes)),
        starved: () => {
          input = input.subarray(uart.push(input));
        },
      });
      machine.devices.add(uart);
      expect(runVcpu(machine.vcpu, { devices: machine.devices })).toEqual({ kind: 'exit', status: 0 });
      uart.flush();
      expect(text).toBe('ping');
    });
  });

  test('ends with a status through the debug-exit port', async () => {
    await withMachine(backend, 'real', guest('exit'), (machine) => {
      expect(runVcpu(machine.vcpu, { devices: machine.devices })).toEqual({ kind: 'exit', status: 42 });
    });
  });

  test('gets an answer to port accesses of every size', async () => {
    await withMachine(backend, 'real', guest('pio'), (machine) => {
      const back = scripted();
      const text = scripted();
      machine.devices.pio.attach(0x10, 6, {
        read: (offset) => [0x99, 0, 0xaabb, 0, 0xccdd_eeff][offset] ?? 0,
        write: () => {},
      });
      machine.devices.pio.attach(0x18, 4, back);
      machine.devices.pio.attach(0x20, 1, text);
      machine.devices.pio.attach(0x22, 1, scripted([1, 2, 3, 4]));
      expect(runVcpu(machine.vcpu, { devices: machine.devices })).toEqual({ kind: 'halt' });
      // The range at 0x10 ends within the 4 bytes from port 0x14 on: that access is unclaimed.
      expect(back.writes).toEqual([
        [1, 0x99],
        [2, 0xaabb],
        [4, 0xffff_ffff],
      ]);
      expect(machine.devices.pio.unclaimedWrites).toBe(1);
      expect(text.writes).toEqual(Array.from('hello', (letter) => [1, letter.charCodeAt(0)]));
      expect(machine.memory.read(0x2000, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    });
  });

  test('gets an answer to every element of a string instruction, of every size', async () => {
    await withMachine(backend, 'real', guest('strings'), (machine) => {
      const out = scripted();
      machine.devices.pio.attach(0x20, 4, out);
      machine.devices.pio.attach(0x22 + 2, 1, scripted());
      expect(runVcpu(machine.vcpu, { devices: machine.devices }).kind).toBe('halt');
      expect(out.writes).toEqual([
        [2, 0x1111],
        [2, 0x2222],
        [2, 0x3333],
        [4, 0x4444_4444],
        [4, 0xfedc_ba98],
      ]);
    });
    await withMachine(backend, 'real', guest('strings'), (machine) => {
      machine.devices.pio.attach(0x22, 4, scripted([0x1234, 0x5678, 0x9abc, 0xdead_beef, 0x0102_0304]));
      expect(runVcpu(machine.vcpu, { devices: machine.devices }).kind).toBe('halt');
      expect([...new Uint16Array(machine.memory.read(0x2000, 6).buffer)]).toEqual([0x1234, 0x5678, 0x9abc]);
      expect([...new Uint32Array(machine.memory.read(0x2010, 8).buffer)]).toEqual([0xdead_beef, 0x0102_0304]);
    });
  });

  test('that faults three times shuts down', async () => {
    await withMachine(backend, 'protected', guest('shutdown'), (machine) => {
      expect(runVcpu(machine.vcpu, { devices: machine.devices })).toMatchObject({ kind: 'shutdown' });
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
        expect(runVcpu(machine.vcpu, { devices: machine.devices })).toEqual({ kind: 'interrupted' });
      } finally {
        Atomics.store(enough, 0, 1);
        Atomics.notify(enough, 0);
        await once(worker, 'exit');
      }
    });
  });

  test('continues after an interruption that does not end it', async () => {
    await withMachine(backend, 'real', guest('exit'), (machine) => {
      machine.vcpu.kick();
      let asked = 0;
      const outcome = runVcpu(machine.vcpu, {
        devices: machine.devices,
        interrupted: () => {
          asked++;
          return false;
        },
      });
      expect(outcome).toEqual({ kind: 'exit', status: 42 });
      expect(asked).toBe(1);
    });
  });

  test('can be observed exit by exit, with the data of its reads', async () => {
    await withMachine(backend, 'real', guest('mmio'), (machine) => {
      const seen: string[] = [];
      machine.devices.mmio.attach(0xd_0000n, 0x10n, {
        read: (offset, size) => (0x0102_0304 + offset) % 2 ** (8 * size),
        write: () => {},
      });
      runVcpu(machine.vcpu, { devices: machine.devices, observe: (exit) => seen.push(describeExit(exit)) });
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

/** A vCPU that exits once, for a reason that no guest here can cause. */
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
])('%s ends the run with an outcome', (_, exit, outcome) => {
  expect(runVcpu(exiting(exit), { devices: new Devices() })).toEqual(outcome);
});

test('a shutdown reports where the guest was, unless the vCPU was reset', () => {
  const shutdown = { reason: ExitReason.Shutdown } as Exit;
  const end = (vcpu: Vcpu) => runVcpu(vcpu, { devices: new Devices() });
  expect(end(exiting(shutdown))).toEqual({ kind: 'shutdown', rip: 0x1234n });
  expect(end(exiting(shutdown, 0xfff0n))).toEqual({ kind: 'shutdown', rip: 0xfff0n });
  expect(end(exiting(shutdown, 0xfff0n, 0xffff_0000n))).toEqual({ kind: 'shutdown', rip: undefined });
});
