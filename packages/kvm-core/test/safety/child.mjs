import { readdirSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import * as core from '../../dist/index.js';
import { anything, integer } from './arguments.mjs';
import { callsOf } from './calls.mjs';
import { mistaken } from './handles.mjs';

/**
 * Calls the functions of the API for a while, in random order, with random arguments. It exits with 0 if it threw only
 * KvmErrors and every descriptor was released. The log on descriptor 3 has the calls before a crash.
 *
 * Arguments: the backend, the minimal number of seconds, the seed.
 */

const [, , backend, seconds, seed] = process.argv;
const { Kvm, KvmError, Struct, GuestMemory, Stats, DirtyLog, DirtyRing, CoalescedRing } = core;
const views = [Struct, GuestMemory, Stats, DirtyLog, DirtyRing, CoalescedRing];

const structs = Object.values(core).filter((value) => value?.prototype instanceof Struct && value.cName !== undefined);
const ioctls = Object.values(core).filter((value) => typeof value?.request === 'number' && Array.isArray(value.fd));
const descriptors = () => readdirSync('/proc/self/fd').length;

/** Ends the runs of guests that spin: another thread kicks every vCPU of the pool repeatedly. */
const kicker = new Worker(
  `const { parentPort } = require('node:worker_threads');
   import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(({ kick }) => {
     const handles = [];
     parentPort.on('message', (handle) => handles.push(handle));
     setInterval(() => {
       while (handles.length > 100) handles.shift();
       for (const handle of handles) kick(handle);
     }, 2);
     parentPort.postMessage('ready');
   });`,
  { eval: true },
);
await new Promise((resolve) => kicker.once('message', resolve));

/** The current value for an argument of the plan. */
function real(value, pool) {
  if (Array.isArray(value)) return value.map((element) => real(element, pool));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return value;
  if ('object' in value) return pool[value.object % pool.length];
  if ('make' in value) return value.make();
  if ('options' in value) {
    return Object.fromEntries(Object.entries(value.options).map(([name, option]) => [name, real(option, pool)]));
  }
  const type = structs[value.struct % structs.length];
  return filled(type, value.bytes);
}

/** A struct with these bytes, sometimes in shared memory. */
function filled(type, bytes) {
  const { length } = bytes;
  const made = 'elementsOffset' in type ? type.withCapacity(length % 9) : new type();
  const struct = length % 7 === 1 ? type.at(new Uint8Array(new SharedArrayBuffer(made.bytes.length))) : made;
  struct.bytes.set(bytes.subarray(0, struct.bytes.length));
  return struct;
}

/** The same, sometimes with a detached buffer. It is only for calls that do not read its fields. */
function filledOrGone(type, bytes) {
  const struct = filled(type, bytes);
  const { buffer } = struct.bytes;
  if (bytes.length % 13 === 5 && buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
  return struct;
}

/** Adds a result of a call to the pool if it has methods or is a view. For an exit, that applies to its members. */
function keep(value, pool) {
  if (typeof value !== 'object' || value === null || pool.includes(value) || pool.length > 40) return;
  if (typeof value.reason === 'number' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const part of Object.values(value)) keep(part, pool);
  }
  if (typeof value.close === 'function' || views.some((type) => value instanceof type)) pool.push(value);
  if (typeof value.kickHandle === 'function' && !value.closed) kicker.postMessage(value.kickHandle());
}

function log(text) {
  writeSync(3, `${text}\n`);
}

function show(value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol') return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength})`;
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'Object';
  return JSON.stringify(value) ?? 'undefined';
}

/** The name in the error for an option or field that does not exist. */
const unknownName = /there is no option (\w+)$|^struct \S+ has no field (\w+)$/;

/** Removes an unknown name from the options among the arguments. Returns whether there was one. */
function dropped(args, name) {
  const options = args.filter((arg) => arg?.constructor === Object && Object.hasOwn(arg, name));
  for (const each of options) Reflect.deleteProperty(each, name);
  const nested = args.filter((arg) => Array.isArray(arg) || arg?.constructor === Object);
  return nested.some((each) => dropped(Object.values(each), name)) || options.length > 0;
}

/**
 * Makes one call, which may throw only a KvmError. It is repeated without unknown option names, because otherwise few
 * calls would succeed.
 */
function attempt(what, args, call) {
  log(`${what}(${args.map(show).join(', ')})`);
  try {
    return call();
  } catch (error) {
    if (error instanceof KvmError) {
      const [, ...names] = unknownName.exec(error.message) ?? [];
      const name = names.find((each) => each !== undefined);
      if (name !== undefined && dropped(args, name)) return attempt(what, args, call);
    }
    if (error instanceof KvmError) return undefined;
    throw new Error(`${what}(${args.map(show).join(', ')}) threw something other than a KvmError`, { cause: error });
  }
}

/** The functions that take a handle. */
const takers = [
  ['Vm.from', core.Vm.from],
  ['Vcpu.from', core.Vcpu.from],
  ['GuestMemory.from', GuestMemory.from],
  ['EventFd.from', core.EventFd.from],
  ['kick', core.kick],
];
const givers = ['share', 'transfer', 'kickHandle'];

/** A VM for most calls: memory at 0 with a guest that does I/O forever, and one vCPU. */
function start() {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x4000 });
  // mov dx, 0x10; again: out dx, al; in al, dx; jmp again
  memory.write(0x1000, Uint8Array.of(0xba, 0x10, 0x00, 0xee, 0xec, 0xeb, 0xfc));
  const pool = Object.assign([kvm, vm, memory], { handles: [] });
  for (const value of [vm.createVcpu(0), kvm.createEventFd()]) keep(value, pool);
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  return pool;
}

const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      taker: fc.nat(60),
      handle: fc.nat(60),
      mistake: fc.nat(40),
      instead: fc.option(anything, { freq: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ on: fc.nat(60), call: fc.nat(500), args: fc.array(anything, { maxLength: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      on: fc.nat(60),
      ioctl: fc.nat(500),
      number: integer,
      bytes: fc.uint8Array({ maxLength: 1200 }),
    }),
  },
);

function raw({ on, ioctl, number, bytes }, pool) {
  const fds = pool.filter((object) => typeof object.ioctl === 'function');
  const object = fds[on % fds.length];
  const own = ioctls.filter(({ fd }) => fd.includes(object.kind));
  // Sometimes an ioctl of another kind of descriptor, which must be refused.
  const table = ioctl % 17 === 0 ? ioctls[ioctl % ioctls.length] : own[ioctl % own.length];
  const { argument } = table;
  const args =
    argument.kind === 'none'
      ? []
      : argument.kind === 'value'
        ? [number]
        : argument.kind === 'integer'
          ? [argument.size === 8 ? new BigUint64Array([BigInt(number >>> 0)]) : new Uint32Array([number])]
          : [filledOrGone(argument.type, bytes)];
  const result = attempt(`${object.kind}.ioctl(${table.name}`, args, () => object.ioctl(table, ...args));
  if (result !== undefined && table.gives === 'fd')
    throw new Error(`${table.name} created a descriptor without an owner`);
}

function method({ on, call, args }, pool) {
  const object = pool[on % pool.length];
  const calls = callsOf(object);
  const { name, kind } = calls[call % calls.length];
  // `close` and `transfer` are called rarely, so that some objects stay open.
  if ((name === 'close' || name === 'transfer') && call % 5 !== 0) return;
  const given = args.map((arg) => real(arg, pool));
  const what = `${object.constructor.name}.${name}`;
  // No other thread writes to the eventfd, so a wait must be short, and that of an epoll must not be for ever.
  if (name === 'wait' && typeof given[0] === 'number') given[0] = given[0] === -1 ? 1 : Math.min(given[0], 1);
  if (name === 'wait' && given[0] === undefined) given[0] = 1;
  const result = attempt(what, given, () => {
    if (kind === 'iterate') return [...object];
    if (kind === 'set') {
      object[name] = given[0];
      return undefined;
    }
    return kind === 'get' ? object[name] : object[name](...given);
  });
  if (typeof result?.then === 'function') result.then(undefined, () => {});
  if (givers.includes(name) && result !== undefined) pool.handles.push(result);
  keep(adopted(name, result, call), pool);
}

/** Takes an earlier handle, perhaps after a mistake, or a value that is not a handle. */
function taken({ taker, handle, mistake, instead }, pool) {
  const [what, take] = takers[taker % takers.length];
  const given = pool.handles[handle % pool.handles.length];
  const value = instead === null && given !== undefined ? mistaken(given, mistake) : real(instead, pool);
  keep(
    attempt(what, [value], () => take(value)),
    pool,
  );
}

/** Takes a handle in this thread, in place of another. Some vCPUs are not taken. */
function adopted(name, result, call) {
  if (name === 'transfer' && result !== undefined && call % 2 === 0) return core.Vcpu.from(result);
  if (name === 'share' && result?.slots !== undefined) return core.Vm.from(result);
  return result;
}

const before = descriptors();
const property = fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
  const pool = start();
  try {
    for (const each of steps) ('taker' in each ? taken : 'ioctl' in each ? raw : method)(each, pool);
  } finally {
    for (const object of pool.toReversed()) object.close?.();
  }
});
// A minimum for slow machines, then as many as the time allows.
fc.assert(property, { seed: Number(seed), numRuns: 6, endOnFailure: true });
fc.assert(property, {
  seed: Number(seed) + 1,
  numRuns: 1e9,
  interruptAfterTimeLimit: Number(seconds) * 1000,
  markInterruptAsFailure: false,
  endOnFailure: true,
});
await kicker.terminate();
const left = descriptors() - before;
if (left > 0) {
  throw new Error(`${left} descriptors were not released: ${readdirSync('/proc/self/fd').join(' ')}`);
}
