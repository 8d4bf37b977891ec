import { KvmError } from '../errors/kvm-error.js';
import type { AnyExit } from '../vcpu/exits.js';
import type { HandlerContext } from './handlers.js';
import { type Ending, Word } from './protocol.js';

type Handler = (exit: AnyExit, context: unknown) => unknown;

/** What the loop needs of an architecture. */
export interface LoopParts {
  readonly vcpu: { run(): AnyExit };
  /** The exports of the handlers' module. */
  readonly handlers: Readonly<Record<string, unknown>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly words: Int32Array;
}

/** Exits with which a guest ends, if nobody handles them. */
const ends = ['Hlt', 'Shutdown', 'SystemEvent'];

/** Runs a vCPU with its handlers, until one of them, the guest or `stop` ends it. */
export async function runLoop(
  { vcpu, handlers, reasons, words }: LoopParts,
  context: HandlerContext<unknown, unknown>,
): Promise<Ending> {
  const table = handlerTable(handlers, reasons);
  const fallback = functionOf(handlers, 'exit');
  const last = ends.map((name) => reasons[name]);
  const intr = reasons['Intr'];
  await functionOf(handlers, 'setup')?.(context as never, undefined);
  for (;;) {
    const exit = vcpu.run();
    const { reason } = exit;
    if (reason === intr && Atomics.load(words, Word.Stop) !== 0) return { ended: 'stop', reason, result: undefined };
    const handler = table.get(reason) ?? (reason === intr ? ignore : fallback);
    if (handler === undefined) {
      if (last.includes(reason)) return { ended: 'exit', reason, result: undefined };
      throw unhandled(reason, reasons);
    }
    let result = handler(exit, context);
    if (isPromise(result)) result = await result;
    if (result !== undefined) return { ended: 'handler', reason, result };
  }
}

function handlerTable(handlers: LoopParts['handlers'], reasons: LoopParts['reasons']): Map<number, Handler> {
  const table = new Map<number, Handler>();
  for (const [name, reason] of Object.entries(reasons)) {
    const handler = functionOf(handlers, handlerName(name));
    if (handler !== undefined) table.set(reason, handler);
  }
  return table;
}

function handlerName(reason: string): string {
  return `${reason.slice(0, 1).toLowerCase()}${reason.slice(1)}`;
}

function functionOf(handlers: LoopParts['handlers'], name: string): Handler | undefined {
  const value = handlers[name];
  if (value === undefined || typeof value === 'function') return value as Handler | undefined;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the handlers' module exports ${name}, which is no function`);
}

function ignore(): undefined {
  return undefined;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function';
}

function unhandled(reason: number, reasons: LoopParts['reasons']): KvmError {
  const name = Object.keys(reasons).find((each) => reasons[each] === reason);
  const what = name === undefined ? `an exit these tables do not know` : `an exit ${name}`;
  return new KvmError('ERR_KVM_HANDLER', `${what} has no handler`, {
    hint: `export ${name === undefined ? '' : `${handlerName(name)}, or `}exit, from the module of handlers`,
  });
}
