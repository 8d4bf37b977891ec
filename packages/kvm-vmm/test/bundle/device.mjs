import { RegisterFile } from '@kvm/vmm';

/** A device of a bundle, which uses the package itself: a byte at port 0x500. */
export function device({ data }) {
  const registers = new RegisterFile([{ name: 'value', offset: 0, size: 1, read: () => data }]);
  return {
    name: 'byte',
    ranges: [{ bus: 'pio', start: 0x500, length: 1 }],
    read: (offset, size) => registers.read(offset, size),
    write: (offset, size, value) => registers.write(offset, size, value),
    save: () => ({ version: 1 }),
    load: () => {},
  };
}
