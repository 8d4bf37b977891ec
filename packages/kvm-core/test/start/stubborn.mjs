/** Handlers for `vm.start` that do not end: by which port the guest asks says how. */

const never = () => new Promise(() => setInterval(() => undefined, 1000));

export function setup({ data, post }) {
  if (data.where !== 'setup') return undefined;
  post('begun');
  return never();
}

export function io({ io }, { vcpu, post, end }) {
  post('begun');
  switch (io.port) {
    case 0x20:
      return never();
    case 0x21:
      for (;;);
    case 0x22:
      for (;;) vcpu.run();
    case 0x23:
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return undefined;
    case 0x24: {
      const errors = Array.from({ length: 8 }, () => {
        try {
          post(() => 'no postMessage carries this');
          return 'none';
        } catch ({ code, cause }) {
          return `${code} ${cause.name}`;
        }
      });
      post('real');
      end(errors);
      return undefined;
    }
    default:
      return undefined;
  }
}
