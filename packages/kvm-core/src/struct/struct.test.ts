import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import {
  KvmClockData,
  KvmCpuid2,
  KvmFpu,
  KvmIrqRouting,
  KvmIrqRoutingEntry,
  type KvmMsrEntry,
  KvmMsrs,
  KvmRegs,
  KvmRun,
  KvmSegment,
  KvmSregs,
} from '../abi/x86/index.js';
import type { KvmErrorCode } from '../errors/kvm-error.js';

describe('a struct', () => {
  test('lays its fields out as the C struct does', () => {
    const regs = KvmRegs.from({ rax: 1n, rip: 0x1122334455667788n });
    expect(KvmRegs.size).toBe(144);
    expect([...regs.bytes.subarray(0, 8)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect([...regs.bytes.subarray(128, 136)]).toEqual([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
  });

  test('is a view: nested structs and arrays share its bytes', () => {
    const sregs = new KvmSregs();
    sregs.cs.base = 0xffff0000n;
    sregs.interruptBitmap[3] = 5n;
    expect(sregs.view.getBigUint64(0, true)).toBe(0xffff0000n);
    expect(sregs.view.getBigUint64(KvmSregs.size - 8, true)).toBe(5n);
    expect(sregs.cs).toBe(sregs.cs);
  });

  test('takes nested fields from plain objects, and leaves the others', () => {
    const sregs = KvmSregs.from({ cs: { base: 0x1000n, selector: 8 }, interruptBitmap: [1n, 2n] });
    sregs.assign({ cr0: 1n });
    expect(sregs.cs.base).toBe(0x1000n);
    expect(sregs.cs.selector).toBe(8);
    expect([...sregs.interruptBitmap]).toEqual([1n, 2n, 0n, 0n]);
    expect(sregs.cr0).toBe(1n);
  });

  test('has booleans for integers that are flags, and refuses other values for them', () => {
    const tpr = new KvmRun().tprAccess;
    expect(tpr.isWrite).toBe(false);
    tpr.isWrite = true;
    expect([tpr.isWrite, tpr.view.getUint32(8, true)]).toEqual([true, 1]);
    tpr.view.setUint32(8, 0x100, true);
    expect(tpr.isWrite).toBe(true);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => tpr.assign({ isWrite: 1 as never }));
  });

  test('has only the counted elements of an array, at most its length', () => {
    const { internal, mmio } = new KvmRun();
    expect([internal.data.length, mmio.data.length]).toEqual([0, 0]);
    internal.assign({ data: [1n, 2n, 3n], ndata: 2 });
    expect([...internal.data]).toEqual([1n, 2n]);
    internal.ndata = 3;
    expect([...internal.data]).toEqual([1n, 2n, 3n]);
    internal.ndata = 0xffff_ffff;
    expect(internal.data.length).toBe(16);
    expect(internal.data).toBe(internal.data);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => mmio.assign({ data: new Uint8Array(9) }));
  });

  test('has the rows of a two-dimensional array as arrays', () => {
    const fpu = KvmFpu.from({ fpr: [[1, 2], [3]] });
    expect(fpu.fpr).toHaveLength(8);
    expect(fpu.fpr[1]?.[0]).toBe(3);
    expect(fpu.bytes[16]).toBe(3);
  });

  test.each<[string, () => unknown, KvmErrorCode, RegExp]>([
    [
      'a number that is too large',
      () => new KvmSegment().assign({ selector: 0x10000 }),
      'ERR_KVM_OUT_OF_RANGE',
      /kvm_segment\.selector.*65535/,
    ],
    ['a negative number', () => new KvmSegment().assign({ type: -1 }), 'ERR_KVM_OUT_OF_RANGE', /kvm_segment\.type/],
    ['a fraction', () => new KvmSegment().assign({ type: 0.5 }), 'ERR_KVM_OUT_OF_RANGE', /kvm_segment\.type/],
    [
      'a bigint that is too large',
      () => new KvmRegs().assign({ rax: 1n << 64n }),
      'ERR_KVM_OUT_OF_RANGE',
      /kvm_regs\.rax/,
    ],
    [
      'a number for 64 bits',
      () => new KvmRegs().assign({ rax: 1 as unknown as bigint }),
      'ERR_KVM_OUT_OF_RANGE',
      /kvm_regs\.rax.*bigint/,
    ],
    [
      'a string',
      () => new KvmSegment().assign({ type: '1' as unknown as number }),
      'ERR_KVM_INVALID_ARGUMENT',
      /kvm_segment\.type/,
    ],
    ['an unknown field', () => new KvmRegs().assign({ eax: 1n } as object), 'ERR_KVM_INVALID_ARGUMENT', /no field eax/],
    [
      'too many elements',
      () => new KvmSregs().assign({ interruptBitmap: [1n, 2n, 3n, 4n, 5n] }),
      'ERR_KVM_OUT_OF_RANGE',
      /holds 4 elements, not 5/,
    ],
    [
      'an element that is too large',
      () => new KvmFpu().assign({ fpr: [[256]] }),
      'ERR_KVM_OUT_OF_RANGE',
      /fpr\[0\]\[0\] cannot hold 256/,
    ],
    [
      'another struct',
      () => new KvmRegs().assign(new KvmSegment() as unknown as KvmRegs),
      'ERR_KVM_INVALID_ARGUMENT',
      /must be a struct kvm_regs/,
    ],
    ['too few bytes', () => KvmRegs.at(new Uint8Array(143)), 'ERR_KVM_OUT_OF_RANGE', /needs 144 bytes/],
  ])('refuses %s, and names the field', (_, call, code, message) => {
    expect(kvmError(code, call).message).toMatch(message);
  });

  test('is unchanged if one of several fields is refused', () => {
    const regs = KvmRegs.from({ rax: 7n });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => regs.assign({ rax: 8n, rbx: -1n }));
    expect(regs.rax).toBe(7n);
  });

  test('can be assigned views of itself', () => {
    const msrs = KvmMsrs.from({ entries: [{ index: 1 }, { index: 2 }] });
    const [first, second] = msrs.entries;
    msrs.entries = [second as KvmMsrEntry, first as KvmMsrEntry];
    expect(msrs.entries.map(({ index }) => index)).toEqual([2, 1]);
    const sregs = KvmSregs.from({ cs: { selector: 1 }, ds: { selector: 2 } });
    sregs.assign({ cs: sregs.ds, ds: sregs.cs });
    expect([sregs.cs.selector, sregs.ds.selector]).toEqual([2, 1]);
  });

  test('is unchanged if one element of an array is refused', () => {
    const msrs = KvmMsrs.from({ entries: [{ index: 1 }, { index: 2 }] });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => {
      msrs.entries = [{ index: 77 }, { index: -1 }];
    });
    expect(msrs.entries.map(({ index }) => index)).toEqual([1, 2]);
    const fpu = new KvmFpu();
    kvmError('ERR_KVM_OUT_OF_RANGE', () => {
      fpu.fpr = [[1, 2, 3], [999]];
    });
    expect(fpu.fpr[0]?.[0]).toBe(0);
  });

  test('needs enough bytes at its offset', () => {
    const buffer = new ArrayBuffer(200);
    for (const source of [
      { buffer, byteOffset: -8 },
      { buffer, byteOffset: 0.5 },
      { buffer, byteOffset: Number.NaN },
      { buffer, byteOffset: 100 },
      { buffer, byteOffset: 0, byteLength: 8 },
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => new KvmRegs(source));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmRegs.at(buffer as unknown as Uint8Array));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmRegs.from(undefined as never));
    expect(new KvmRegs().equals(undefined as never)).toBe(false);
  });

  test('needs a buffer, which is not detached', () => {
    for (const buffer of [{ byteLength: 1000 }, [], new Uint8Array(1000)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => new KvmRegs({ buffer: buffer as never, byteOffset: 0 }));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => new KvmRegs({ buffer: new ArrayBuffer(8), byteOffset: 0 }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => KvmRegs.at(new Uint8Array(8)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmRegs.at(detached(new Uint8Array(1000))));
    const gone = new KvmRegs();
    detached(gone.bytes);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => gone.assign({ rax: 1n }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => new KvmRegs().assign(gone));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => new KvmRegs().assign(new KvmSegment() as never));
  });

  test('takes the place of its bytes, and refuses fields, which belong to `from`', () => {
    for (const init of [{ rax: 1n }, {}, null, 5]) {
      const { message } = kvmError('ERR_KVM_INVALID_ARGUMENT', () => new KvmRegs(init as never));
      expect(message).toContain('new KvmRegs(...) takes the place of its bytes');
      expect(message).toContain('KvmRegs.from({ ... }) makes one with these fields');
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => new KvmMsrs({ nmsrs: 1 } as never));
    expect(new KvmRegs(undefined).rax).toBe(0n);
  });

  test('takes any object with a length and elements as an array, within a limit', () => {
    const msrs = KvmMsrs.withCapacity(1);
    msrs.entries = { length: 1, 0: { index: 7 } } as never;
    expect(msrs.entries.map(({ index }) => index)).toEqual([7]);
    for (const entries of [new Set([{ index: 1 }]), { length: -1 }, { length: '1' }, 1]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmMsrs.from({ entries: entries as never }));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => KvmMsrs.from({ entries: { length: 2 ** 40 } }));
  });

  test('refuses an element that is null or undefined', () => {
    for (const entries of [[undefined], [null], [{ index: 1 }, undefined], { length: 1 }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmMsrs.from({ entries: entries as never }));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmFpu.from({ fpr: [[1], undefined] as never }));
  });

  test('reads back every value that fits a field', () => {
    const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const segment = fc.record({
      base: u64,
      limit: fc.nat(0xffffffff),
      selector: fc.nat(0xffff),
      type: fc.nat(0xff),
      present: fc.nat(0xff),
    });
    fc.assert(
      fc.property(segment, (fields) => {
        const struct = KvmSegment.from(fields);
        expect({ ...fields, ...struct.toJSON(), base: struct.base }).toMatchObject(fields);
        expect(KvmSegment.at(struct.bytes.slice()).equals(struct)).toBe(true);
      }),
    );
  });

  test('becomes JSON with hexadecimal strings for 64 bits', () => {
    expect(JSON.parse(JSON.stringify(KvmClockData.from({ clock: 255n, flags: 2 })))).toMatchObject({
      clock: '0xff',
      flags: 2,
    });
  });

  test('has the members of anonymous unions as its own, over the same bytes', () => {
    const run = new KvmRun();
    run.hypercall.nr = 0x0102030405060708n;
    expect(run.mmio.physAddr).toBe(0x0102030405060708n);
    expect(run.immediateExit).toBe(0);
    run.immediateExit = 1;
    expect(run.bytes[1]).toBe(1);
  });
});

describe('a struct with a flexible array', () => {
  test('counts its elements in the field that the kernel uses', () => {
    const msrs = KvmMsrs.withCapacity(3);
    expect(msrs.nmsrs).toBe(3);
    expect(msrs.bytes).toHaveLength(8 + 3 * 16);
    msrs.nmsrs = 1;
    expect(msrs.entries).toHaveLength(1);
  });

  test('takes its length from the elements that it is created with', () => {
    const routing = KvmIrqRouting.from({ entries: [{ gsi: 1 }, KvmIrqRoutingEntry.from({ gsi: 2 })] });
    expect(routing.nr).toBe(2);
    expect(routing.entries.map(({ gsi }) => gsi)).toEqual([1, 2]);
  });

  test('is copied from another of its type', () => {
    const first = KvmCpuid2.from({ entries: [{ function: 1, eax: 2 }] });
    const second = KvmCpuid2.from(first);
    expect(second.equals(first)).toBe(true);
    first.bytes.fill(0);
    expect([second.nent, second.entries[0]?.eax]).toEqual([1, 2]);
  });

  test('never counts more elements than its capacity', () => {
    const cpuid = KvmCpuid2.withCapacity(2);
    const error = kvmError('ERR_KVM_OUT_OF_RANGE', () => {
      cpuid.nent = 3;
    });
    expect(error.message).toMatch(/kvm_cpuid2\.nent.*from 0 to 2/);
    // The count in bytes from elsewhere may be wrong; it is limited to the capacity.
    cpuid.view.setUint32(0, 1000, true);
    expect(cpuid.entries).toHaveLength(2);
  });

  test('refuses a capacity that no buffer can have', () => {
    kvmError('ERR_KVM_OUT_OF_RANGE', () => KvmMsrs.withCapacity(-1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => KvmMsrs.withCapacity(2 ** 40));
  });
});
