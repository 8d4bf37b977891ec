import { type BackendName, Kvm } from '@kvm/core';
import { type Loop, timed } from './loops.js';

/** As in the baseline: too large for a small cache. */
const size = 8 * 2 ** 20;
const lengths = { '4k': 4096, '64k': 65536, '1m': 2 ** 20 };

/** Copies into and out of guest memory, this many bytes at a time, all over it. */
export function copyLoops(backend: BackendName): Readonly<Record<string, Loop>> {
  const kvm = Kvm.open({ backend });
  const memory = kvm.allocateMemory({ size });
  const own = new Uint8Array(size).fill(1);
  memory.write(0, own);
  const loops: Record<string, Loop> = {};
  for (const [name, length] of Object.entries(lengths)) {
    const pieces = Array.from({ length: size / length }, (_, i) => own.subarray(i * length, (i + 1) * length));
    loops[`copy-in-${name}`] = (count) =>
      timed(() => {
        for (let i = 0; i < count; i++) {
          const at = i % pieces.length;
          memory.write(at * length, pieces[at] as Uint8Array);
        }
      });
    loops[`copy-out-${name}`] = (count) =>
      timed(() => {
        for (let i = 0; i < count; i++) {
          const at = i % pieces.length;
          memory.readInto(at * length, pieces[at] as Uint8Array);
        }
      });
  }
  return loops;
}
