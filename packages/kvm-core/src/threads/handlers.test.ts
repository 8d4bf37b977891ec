import { expect, expectTypeOf, test } from 'vitest';
import type { Handlers, IoExit, Vcpu, Vm } from '../index.js';
import type { VcpuOutcome } from './start.js';

interface Talk {
  data: { key: number };
  message: { port: number };
  result: string;
}

test('the types of a module of handlers are checked', () => {
  const handlers = {
    setup({ data, post }) {
      expectTypeOf(data).toEqualTypeOf<{ key: number }>();
      post({ port: 1 });
      // @ts-expect-error: a wrong message
      post('text');
    },
    io(exit, context) {
      expectTypeOf(exit).toEqualTypeOf<IoExit>();
      context.end('done');
      // @ts-expect-error: a wrong result
      context.end(5);
      // @ts-expect-error: the result is missing
      context.stop();
    },
    async hlt(_, { resume }) {
      resume();
    },
    watch() {},
  } satisfies Handlers<Talk>;
  expect(Object.keys(handlers)).toEqual(['setup', 'io', 'hlt', 'watch']);
  const untyped = {
    io(_, { data, post, end }) {
      expectTypeOf(data).toBeUnknown();
      post(5);
      end();
    },
  } satisfies Handlers;
  expect(untyped.io).toBeTypeOf('function');
});

test('wrong handlers do not compile', () => {
  // @ts-expect-error: a value is returned
  const value: Handlers = { io: ({ io }) => io.isWrite };
  // @ts-expect-error: a value is promised
  const promise: Handlers = { io: async ({ io }) => io.port };
  // @ts-expect-error: no exit has this name
  const typo: Handlers = { mmoi: () => undefined };
  expect([value, promise, typo]).toHaveLength(3);
});

test('vm.start has the types of its handlers', () => {
  const typed = (vm: Vm, vcpus: Vcpu[], handlers: URL) => {
    const running = vm.start<Talk>({
      vcpus,
      handlers,
      data: { key: 5 },
      onMessage: (message) => expectTypeOf(message).toEqualTypeOf<{ port: number }>(),
    });
    expectTypeOf(running.done).resolves.toEqualTypeOf<VcpuOutcome<Vcpu, string>[]>();
    // @ts-expect-error: the data is missing
    vm.start<Talk>({ vcpus, handlers });
    // @ts-expect-error: wrong data
    vm.start<Talk>({ vcpus, handlers, data: { key: '5' } });
    vm.start({ vcpus, handlers, onMessage: (message) => expectTypeOf(message).toBeUnknown() });
  };
  const narrowed = (outcome: VcpuOutcome<Vcpu, string>) => {
    if (outcome.ended === 'handler') expectTypeOf(outcome.result).toEqualTypeOf<string>();
    if (outcome.ended === 'exit') expectTypeOf(outcome.result).toEqualTypeOf<undefined>();
  };
  expect([typed, narrowed]).toHaveLength(2);
});
