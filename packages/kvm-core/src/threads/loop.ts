import { KvmError } from '../errors/kvm-error.js';
import { unknownName } from '../struct/options.js';
import type { AnyExit } from '../vcpu/exit-views.js';
import type { HandlerContext } from './handlers.js';
import { type Ending, Word } from './protocol.js';

type Handler = (exit: AnyExit, context: unknown) => unknown;
type Table = Readonly<Record<string, unknown>>;

/** The effects of the functions of a context. */
export interface Verdict {
  /** Set by `end` or `stop`. */
  end: { readonly ended: 'handler' | 'machine'; readonly result: unknown } | undefined;
  /** Whether `resume` was called since the last exit. */
  resumed: boolean;
}

/** The parts of `runLoop` that depend on the architecture or the Worker. */
export interface LoopParts {
  readonly vcpu: { run(): AnyExit };
  /** The module of handlers. */
  readonly module: Table;
  readonly reasons: Readonly<Record<string, number>>;
  readonly words: Int32Array;
  readonly verdict: Verdict;
}

/** Exits that end a guest, unless the handler resumes it. */
const ends = ['Hlt', 'Shutdown', 'SystemEvent'];

/** Handlers that are not named after an exit. */
const hooks = ['setup', 'watch', 'exit'];

/** Runs a vCPU with its handlers, until one of them, the guest or `stop` ends it. */
export async function runLoop(
  { vcpu, module, reasons, words, verdict }: LoopParts,
  context: HandlerContext<unknown, unknown>,
): Promise<Ending> {
  const handlers = handlersOf(module, reasons);
  const table = handlerTable(handlers, reasons);
  const watch = functionOf(handlers, 'watch');
  const fallback = functionOf(handlers, 'exit');
  const last = ends.map((name) => reasons[name]);
  const intr = reasons['Intr'];
  const setup = functionOf(handlers, 'setup') as unknown as ((context: unknown) => unknown) | undefined;
  await nothing(setup?.(context));
  // A function, because the compiler does not know that handlers set it.
  const endOf = (): Verdict['end'] => verdict.end;
  const early = endOf();
  if (early !== undefined) return { ...early, reason: undefined };
  for (;;) {
    const exit = vcpu.run();
    const { reason } = exit;
    if (reason === intr && Atomics.load(words, Word.Stop) !== 0) return { ended: 'stop', reason, result: undefined };
    verdict.resumed = false;
    const watched = watch?.(exit, context);
    if (watched !== undefined) await nothing(watched);
    const handler = table.get(reason) ?? (reason === intr ? ignore : fallback);
    const isLast = last.includes(reason);
    if (handler === undefined && !isLast) throw unhandled(reason, reasons);
    const answer = handler?.(exit, context);
    if (answer !== undefined) await nothing(answer);
    const end = endOf();
    if (end !== undefined) return { ...end, reason };
    if (isLast && !verdict.resumed) return { ended: 'exit', reason, result: undefined };
  }
}

/** The default export if it is an object, else the module. Every function in it must have the name of a handler. */
function handlersOf(module: Table, reasons: LoopParts['reasons']): Table {
  const whole = module['default'];
  const handlers = typeof whole === 'object' && whole !== null ? (whole as Table) : module;
  const allowed = [...Object.keys(reasons).map(handlerName), ...hooks];
  for (const [name, value] of Object.entries(handlers)) {
    if (typeof value === 'function' && !allowed.includes(name)) {
      throw unknownName(`the handlers' module exports a function ${name}, which is not a handler`, name, allowed);
    }
  }
  return handlers;
}

function handlerTable(handlers: Table, reasons: LoopParts['reasons']): Map<number, Handler> {
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

/** A handler, bound to its object. */
function functionOf(handlers: Table, name: string): Handler | undefined {
  const value = handlers[name];
  if (value === undefined) return undefined;
  if (typeof value === 'function') return value.bind(handlers) as Handler;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the handlers' module exports ${name}, which is not a function`);
}

function ignore(): undefined {
  return undefined;
}

/** Refuses a handler's return value other than undefined or a promise of undefined. */
async function nothing(answer: unknown): Promise<void> {
  const value = await answer;
  if (value === undefined) return;
  const what = value === null ? 'null' : `a value of type ${typeof value}`;
  throw new KvmError('ERR_KVM_HANDLER', `a handler returned ${what}, which has no meaning`, {
    hint: 'return nothing; context.end(result) ends this vCPU, context.stop(result) ends all of them',
  });
}

function unhandled(reason: number, reasons: LoopParts['reasons']): KvmError {
  const name = Object.keys(reasons).find((each) => reasons[each] === reason);
  const what = name === undefined ? 'an exit with an unknown reason' : `an exit ${name}`;
  return new KvmError('ERR_KVM_HANDLER', `${what} has no handler`, {
    hint: `export ${name === undefined ? '' : `${handlerName(name)}, or `}exit, from the module of handlers`,
  });
}
