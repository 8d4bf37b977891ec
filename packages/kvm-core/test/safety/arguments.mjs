import fc from 'fast-check';

/** Arguments: from valid ones to every kind of mistake. */

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

/** Unusual views: of a buffer that is detached, shared, shrunk, or pooled with other data. */
const unusual = fc.record({ data: bytes, kind: fc.nat(3) }).map(({ data, kind }) => () => {
  const own = Uint8Array.from(data);
  switch (kind) {
    case 0:
      structuredClone(own.buffer, { transfer: [own.buffer] });
      return own;
    case 1:
      return new Uint8Array(new SharedArrayBuffer(own.length));
    case 2: {
      const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
      const view = new Uint8Array(buffer, 8, 16);
      buffer.resize?.(10);
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

/** Names of options and fields of all calls: an object with some of them is sometimes valid. */
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

/** A value of any kind. An object of the API is given as a number, its index in the pool. */
export const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: integer },
    { weight: 5, arbitrary: big },
    { weight: 3, arbitrary: fc.nat(50).map((object) => ({ object })) },
    { weight: 3, arbitrary: fc.record({ struct: fc.nat(1000), bytes: fc.uint8Array({ maxLength: 600 }) }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, true, '', 'native', '/dev/null', Symbol.iterator) },
    { weight: 2, arbitrary: views },
    { weight: 2, arbitrary: unusual.map((make) => ({ make })) },
    // A number in place of a bigint, and the reverse.
    { weight: 1, arbitrary: fc.oneof(integer.filter(Number.isInteger).map(BigInt), big.map(Number)) },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    {
      weight: 4,
      arbitrary: fc
        .dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 6 })
        .map((options) => ({ options })),
    },
  ),
})).value;
