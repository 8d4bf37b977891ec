import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessSize } from '../../bus/registers.js';
import { InterruptLine } from '../interrupt-line.js';
import { Uart } from './uart.js';

const [DATA, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 2, 3, 4, 5, 6, 7];

/** A port with a record of its output, chunk by chunk, and of its interrupt line. */
function port(options: { outputBuffer?: number; starved?: (times: number) => void } = {}): {
  uart: Uart;
  line: InterruptLine;
  chunks: string[];
  levels: boolean[];
} {
  const chunks: string[] = [];
  const levels: boolean[] = [];
  const line = new InterruptLine((level) => levels.push(level));
  const output = (bytes: Uint8Array): unknown => chunks.push(Buffer.from(bytes).toString('latin1'));
  return { uart: new Uart({ output, line, ...options }), line, chunks, levels };
}

function send(uart: Uart, text: string): void {
  for (const byte of Buffer.from(text, 'latin1')) {
    expect(uart.read(LSR, 1) & 0x20).toBe(0x20);
    uart.write(DATA, 1, byte);
  }
}

test('a new port is idle: nothing received, nothing to send, no interrupt, a modem that is ready', () => {
  const { uart, line } = port();
  expect(uart.read(LSR, 1)).toBe(0x60);
  expect(uart.read(IIR, 1)).toBe(0x01);
  expect(uart.read(MSR, 1)).toBe(0xb0);
  expect(line.level).toBe(false);
});

test('output is passed on line by line, and the rest by flush', () => {
  const { uart, chunks } = port();
  send(uart, 'one\ntwo\nthree');
  expect(chunks).toEqual(['one\n', 'two\n']);
  uart.flush();
  uart.flush();
  expect(chunks).toEqual(['one\n', 'two\n', 'three']);
});

test('output is passed on when its buffer is full; with a buffer of one byte, at once', () => {
  const four = port({ outputBuffer: 4 });
  send(four.uart, 'abcdefghi');
  expect(four.chunks).toEqual(['abcd', 'efgh']);
  const one = port({ outputBuffer: 1 });
  send(one.uart, 'ab');
  expect(one.chunks).toEqual(['a', 'b']);
});

test('a prompt is passed on when the guest waits for the answer', () => {
  const { uart, chunks } = port();
  send(uart, '> ');
  uart.read(LSR, 1);
  expect(chunks).toEqual([]);
  uart.read(LSR, 1);
  expect(chunks).toEqual(['> ']);
});

test('polls for input are counted until another access', () => {
  const times: number[] = [];
  const { uart } = port({ starved: (n) => times.push(n) });
  for (let i = 0; i < 3; i++) uart.read(LSR, 1);
  uart.write(DATA, 1, 0x41);
  uart.read(LSR, 1);
  uart.read(IIR, 1);
  expect(times).toEqual([1, 2, 3, 1, 2]);
});

test('a wider read of the line status polls, too', () => {
  const { uart } = port({ starved: () => uart.push(Uint8Array.of(0x5a)) });
  expect(uart.read(LSR, 2)).toBe(0xb0_61);
});

test('input pushed during a poll is seen by that poll', () => {
  const { uart } = port({ starved: () => uart.push(Uint8Array.of(0x5a)) });
  expect(uart.read(LSR, 1) & 0x01).toBe(1);
  expect(uart.read(DATA, 1)).toBe(0x5a);
});

test('there is room for one byte, with FIFOs for sixteen', () => {
  const { uart } = port();
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
  expect(uart.push(bytes)).toBe(1);
  expect(uart.room).toBe(0);
  uart.write(FCR, 1, 0x01);
  expect(uart.push(bytes)).toBe(16);
  expect(Array.from({ length: 16 }, () => uart.read(DATA, 1))).toEqual([...bytes.slice(0, 16)]);
  expect(uart.read(LSR, 1) & 0x01).toBe(0);
});

test('FIFO control clears received bytes, and the interrupt identification says that FIFOs are enabled', () => {
  const { uart } = port();
  uart.write(FCR, 1, 0x01);
  expect(uart.read(IIR, 1)).toBe(0xc1);
  uart.push(Uint8Array.of(1, 2, 3));
  uart.write(FCR, 1, 0x03);
  expect(uart.read(LSR, 1) & 0x01).toBe(0);
  uart.write(FCR, 1, 0x00);
  expect(uart.read(IIR, 1)).toBe(0x01);
});

test('with DLAB set, the divisor replaces the data and interrupt enable registers', () => {
  const { uart, chunks } = port();
  uart.write(IER, 1, 0x05);
  uart.write(LCR, 1, 0x83);
  uart.write(DATA, 2, 0x1234);
  expect(uart.read(DATA, 2)).toBe(0x1234);
  uart.write(LCR, 1, 0x03);
  expect(uart.read(IER, 1)).toBe(0x05);
  uart.flush();
  expect(chunks).toEqual([]);
});

test('the scratch register holds a byte, and the status registers are read-only', () => {
  const { uart } = port();
  uart.write(SCR, 1, 0xa5);
  uart.write(LSR, 2, 0xffff);
  expect([uart.read(SCR, 1), uart.read(LSR, 1), uart.read(MSR, 1)]).toEqual([0xa5, 0x60, 0xb0]);
});

test('an access of four bytes accesses four registers', () => {
  const { uart } = port();
  uart.write(LCR, 4, 0x0000_0b03);
  expect(uart.read(LCR, 4)).toBe(0xb8_60_0b_03 - 0x08_00_00_00);
});

test('received bytes raise an interrupt: at the trigger level as data, below it as a timeout', () => {
  const { uart, levels } = port();
  uart.write(FCR, 1, 0x41);
  uart.write(IER, 1, 0x01);
  uart.push(Uint8Array.of(1, 2, 3));
  expect(uart.read(IIR, 1)).toBe(0xcc);
  uart.push(Uint8Array.of(4));
  expect(uart.read(IIR, 1)).toBe(0xc4);
  for (let i = 0; i < 4; i++) uart.read(DATA, 1);
  expect(uart.read(IIR, 1)).toBe(0xc1);
  expect(levels).toEqual([true, false]);
});

test('an empty transmitter raises an interrupt when enabled and after each byte, until it is identified', () => {
  const { uart, line, levels } = port();
  uart.write(IER, 1, 0x02);
  expect(uart.read(IIR, 1)).toBe(0x02);
  expect(uart.read(IIR, 1)).toBe(0x01);
  uart.write(DATA, 1, 0x41);
  expect(line.level).toBe(true);
  expect(uart.read(IIR, 1)).toBe(0x02);
  expect(levels).toEqual([true, false, true, false]);
});

test('in loopback a port receives only its own output, and its control lines are its status lines', () => {
  const { uart, chunks } = port();
  uart.write(MCR, 1, 0x10);
  expect(uart.push(Uint8Array.of(9))).toBe(0);
  uart.write(DATA, 1, 0x41);
  expect(uart.read(DATA, 1)).toBe(0x41);
  uart.read(MSR, 1);
  uart.write(MCR, 1, 0x1b);
  expect(uart.read(MSR, 1)).toBe(0xbb);
  expect(uart.read(MSR, 1)).toBe(0xb0);
  uart.write(MCR, 1, 0x14);
  uart.write(MCR, 1, 0x10);
  expect(uart.read(MSR, 1)).toBe(0x0f);
  uart.flush();
  expect(chunks).toEqual([]);
});

test('a byte too many in loopback is an overrun, which the line status reports once', () => {
  const { uart } = port();
  uart.write(MCR, 1, 0x10);
  uart.write(IER, 1, 0x04);
  uart.write(DATA, 1, 1);
  uart.write(DATA, 1, 2);
  expect(uart.read(IIR, 1)).toBe(0x06);
  expect(uart.read(LSR, 1)).toBe(0x63);
  expect(uart.read(LSR, 1)).toBe(0x61);
  expect(uart.read(DATA, 1)).toBe(2);
});

test('an output buffer of no bytes is refused', () => {
  expect(() => new Uart({ output: () => {}, outputBuffer: 0 })).toThrow(KvmError);
});

const access = fc.record({
  offset: fc.nat(7),
  size: fc.constantFrom<AccessSize>(1, 2, 4),
  value: fc.option(fc.nat(0xffff_ffff)),
});
const step = fc.oneof({ weight: 8, arbitrary: access }, { weight: 2, arbitrary: fc.uint8Array({ maxLength: 20 }) });

test('no sequence of accesses and input throws or breaks what a driver relies on', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, outputBuffer) => {
      const levels: boolean[] = [];
      const line = new InterruptLine((level) => levels.push(level));
      let sent = 0;
      const uart = new Uart({
        output: (bytes) => {
          expect(bytes.length).toBeLessThanOrEqual(outputBuffer);
          sent += bytes.length;
        },
        outputBuffer,
        line,
      });
      let written = 0;
      for (const each of steps) {
        if (each instanceof Uint8Array) {
          const { room } = uart;
          expect(uart.push(each)).toBe(Math.min(room, each.length));
        } else if (each.value === null) {
          const value = uart.read(each.offset, each.size);
          expect(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * each.size)).toBe(true);
        } else {
          if (each.offset === DATA) written++;
          uart.write(each.offset, each.size, each.value);
        }
        expect(uart.room).toBeGreaterThanOrEqual(0);
        expect(uart.room).toBeLessThanOrEqual(16);
        // Polling drivers wait for these bits: they are set in every state.
        expect(uart.read(LSR, 1) & 0x60).toBe(0x60);
        // The line is high exactly when there is an interrupt to identify.
        const { level } = line;
        expect((uart.read(IIR, 1) & 0x01) === 0).toBe(level);
      }
      uart.flush();
      expect(sent).toBeLessThanOrEqual(written);
      // Each call reported a change.
      expect(levels.every((level, i) => level === (i % 2 === 0))).toBe(true);
    }),
  );
});

function apply(uart: Uart, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): number[] {
  return steps.map((each) => {
    if (each instanceof Uint8Array) return uart.push(each);
    if (each.value === null) return uart.read(each.offset, each.size);
    uart.write(each.offset, each.size, each.value);
    return uart.room;
  });
}

test('a port that loads a saved state goes on as the saved one does', () => {
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const saved = port();
      apply(saved.uart, before);
      const restored = port();
      restored.uart.load(JSON.parse(JSON.stringify(saved.uart.save())));
      expect(restored.line.level).toBe(saved.line.level);
      saved.chunks.length = 0;
      expect(apply(restored.uart, after)).toEqual(apply(saved.uart, after));
      for (const { uart } of [restored, saved]) uart.flush();
      expect(restored.chunks.join('')).toBe(saved.chunks.join(''));
      expect(restored.uart.save()).toEqual(saved.uart.save());
    }),
  );
});

test('a saved state that no port can have is refused, and changes nothing', () => {
  const { uart } = port();
  const good = uart.save();
  const bad: object[] = [
    { version: 2 },
    { ier: 0x10 },
    { fcr: -1 },
    { mcr: 0x20 },
    { divisor: 0x1_0000 },
    { received: [1, 2] },
    { received: [256] },
    { received: 'x' },
    { overrun: 1 },
    { emptied: undefined },
    { parity: 0 },
  ];
  for (const fields of bad) expect(() => uart.load({ ...good, ...fields } as typeof good)).toThrow(KvmError);
  expect(uart.save()).toEqual(good);
});

test('it can be told whether the guest expects input, and whether it has read some', () => {
  const { uart } = port();
  uart.push(Uint8Array.of(7));
  expect([uart.expectsInput, uart.isRead]).toEqual([false, false]);
  uart.write(1, 1, 1);
  // A driver that tries the register out.
  expect(uart.expectsInput).toBe(false);
  uart.write(4, 1, 8);
  uart.read(5, 1);
  expect([uart.expectsInput, uart.isRead]).toEqual([true, false]);
  expect(uart.read(0, 1)).toBe(7);
  expect(uart.isRead).toBe(true);
});
