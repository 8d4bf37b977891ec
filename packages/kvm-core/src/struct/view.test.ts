import { expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { bufferOf, bytesOf, lengthOf, offsetOf } from './view.js';

const lies = { length: 2 ** 30, byteLength: 2 ** 30, byteOffset: 2 ** 30, buffer: new ArrayBuffer(1) };

function lying<T extends object>(view: T): T {
  for (const [name, value] of Object.entries(lies)) Object.defineProperty(view, name, { value });
  return view;
}

test('a view is as long as the engine has it, and where', () => {
  for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    for (const view of [
      new Uint8Array(buffer, 8, 16),
      new BigUint64Array(buffer, 8, 2),
      new DataView(buffer, 8, 16),
      Object.setPrototypeOf(new Uint16Array(buffer, 8, 8), null) as Uint16Array,
    ]) {
      lying(view);
      expect([lengthOf(view), offsetOf(view), bufferOf(view)]).toEqual([16, 8, buffer]);
      const { length, byteOffset, buffer: same } = bytesOf(view);
      expect([length, byteOffset, same]).toEqual([16, 8, buffer]);
    }
  }
});

test('a view whose buffer has gone elsewhere is empty', () => {
  const buffers = [new ArrayBuffer(64), new ArrayBuffer(64)] as const;
  for (const view of [new Uint8Array(buffers[0], 8), new DataView(buffers[1], 8)]) {
    structuredClone(view.buffer, { transfer: [view.buffer] });
    expect([lengthOf(view), offsetOf(view), bytesOf(view).length]).toEqual([0, 0, 0]);
  }
});

test('what is no view is refused', () => {
  for (const other of [undefined, null, 5, {}, [1], new ArrayBuffer(8), Object.create(Uint8Array.prototype)]) {
    for (const of of [lengthOf, offsetOf, bufferOf, bytesOf])
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => of(other as Uint8Array));
  }
  const proxy = new Proxy(new Uint8Array(8), {});
  kvmError('ERR_KVM_INVALID_ARGUMENT', () => lengthOf(proxy));
});
