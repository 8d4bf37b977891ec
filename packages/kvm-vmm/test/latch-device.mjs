/** A device of a machine: a port that holds a byte. 0xff is too much for it. */
export function device({ data, post }) {
  if (!(data.byte >= 0)) throw new TypeError('byte must be a number of 8 bits');
  let { byte } = data;
  return {
    name: 'latch',
    ranges: [{ bus: 'pio', start: 0x500, length: 1 }],
    read: () => byte,
    write(_offset, _size, value) {
      if (value === 0xff && !data.isPatient) throw new Error('the latch is full');
      byte = value;
      post(byte);
    },
    save: () => ({ version: 1, byte }),
    load(state) {
      byte = state.byte;
    },
  };
}
