import fc from 'fast-check';

/** Arguments, from what a call may want to what nobody would give it. */

const edges = [
  0, 1, 2, 3, 4, 8, 0x10, 0x40, 0x100, 0xfff, 0x1000, 0x2000, 0x10000, 0x20_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

export const integer = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...edges) },
  { weight: 3, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 64) },
);

export const big = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...edges.map(BigInt), 0xfee0_0000n, 0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -1n, max: 1n << 65n }) },
);

const bytes = fc.uint8Array({ maxLength: 64 });

/** What an argument's own getter or method throws: that is the caller's error, and comes to him as it is. */
export class CallersError extends Error {}

/**
 * A Proxy of an object. `instanceof` accepts it, but it lacks the private fields, so getters and methods of the class
 * throw.
 */
export function looksLike(object) {
  const own = (name, call) => {
    try {
      return call();
    } catch (cause) {
      throw new CallersError(`${String(name)} of an argument`, { cause });
    }
  };
  return new Proxy(object, {
    get(target, name, receiver) {
      const value = own(name, () => Reflect.get(target, name, receiver));
      if (typeof value !== 'function' || name === 'constructor') return value;
      return (...args) => own(name, () => Reflect.apply(value, receiver, args));
    },
  });
}

/** Typed arrays that are not what they say: of another length, another kind, another buffer, or of one that is gone. */
const lies = fc.record({ data: bytes, lie: fc.nat(11), length: integer }).map(({ data, lie, length }) => () => {
  const own = Uint8Array.from(data);
  const words = new BigUint64Array(own.length >> 3);
  const property = (view, name, value) => Object.defineProperty(view, name, { value });
  switch (lie) {
    case 0:
      return property(own, 'length', length);
    case 1:
      return property(property(own, 'byteLength', length), 'byteOffset', length);
    case 2:
      return property(own, 'buffer', new ArrayBuffer(4096));
    case 3:
      return property(words, 'length', 1);
    case 4:
      return Object.setPrototypeOf(own, BigUint64Array.prototype);
    case 5:
      return Object.setPrototypeOf(words, Uint8Array.prototype);
    case 6:
      structuredClone(own.buffer, { transfer: [own.buffer] });
      return own;
    case 7:
      return looksLike(own);
    case 8:
      return new (class extends Uint8Array {
        get length() {
          return length;
        }
        static get [Symbol.species]() {
          return Array;
        }
      })(own);
    case 9:
      return new Uint8Array(new SharedArrayBuffer(own.length));
    case 10: {
      const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
      const view = new Uint8Array(buffer, 8, 16);
      buffer.resize?.(lie);
      return view;
    }
    default:
      return Buffer.from(own);
  }
});

const views = bytes.chain((data) =>
  fc.constantFrom(
    data,
    new Uint32Array(data.slice(0, data.length & ~3).buffer),
    new BigUint64Array(data.slice(0, data.length & ~7).buffer),
    new DataView(data.slice().buffer),
    data.buffer,
  ),
);

/** Names that options and fields have, of all calls together: an object of some of them fits now and then. */
const fields = [
  'address',
  'addr',
  'args',
  'attr',
  'attributes',
  'backend',
  'base',
  'cap',
  'count',
  'data',
  'datamatch',
  'deadline',
  'devId',
  'eventfd',
  'entries',
  'fd',
  'flags',
  'group',
  'handlers',
  'gsi',
  'guestMemfd',
  'guestMemfdOffset',
  'guestPhysAddr',
  'hvSint',
  'id',
  'index',
  'irq',
  'irqChip',
  'hugePages',
  'len',
  'length',
  'level',
  'memory',
  'mode',
  'msi',
  'nr',
  'offset',
  'pages',
  'path',
  'pin',
  'pio',
  'queue',
  'ranges',
  'resample',
  'rip',
  'size',
  'slot',
  'type',
  'value',
  'vcpus',
  'values',
  'vcpu',
  'vector',
];

/** A value of any kind. Objects of the API are given as a number that stands for one of those there are. */
export const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: integer },
    { weight: 5, arbitrary: big },
    { weight: 3, arbitrary: fc.nat(50).map((object) => ({ object })) },
    { weight: 3, arbitrary: fc.record({ struct: fc.nat(1000), bytes: fc.uint8Array({ maxLength: 600 }) }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, true, '', 'native', '/dev/null', Symbol.iterator) },
    { weight: 2, arbitrary: views },
    { weight: 2, arbitrary: lies.map((make) => ({ make })) },
    // An object that only looks like one of the API: made from its prototype, a Proxy of it, or with properties that
    // hide its own.
    {
      weight: 2,
      arbitrary: fc.record({ fake: fc.nat(4), of: tie('value'), name: fc.constantFrom(...fields), value: integer }),
    },
    // A number in place of a bigint, and the reverse.
    { weight: 1, arbitrary: fc.oneof(integer.filter(Number.isInteger).map(BigInt), big.map(Number)) },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    {
      weight: 4,
      arbitrary: fc
        .dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 6 })
        .map((options) => ({ options })),
    },
    // Options and lists that answer differently each time.
    {
      weight: 1,
      arbitrary: fc
        .dictionary(fc.constantFrom('0', '1', ...fields), fc.array(tie('value'), { minLength: 1, maxLength: 3 }), {
          maxKeys: 4,
        })
        .map((changing) => ({ changing })),
    },
  ),
})).value;
