import { KvmError } from '../../dist/index.js';

/** Handlers for `vm.start`, of which each does what the guest asks for by a port. */

let reads = 0;

export function setup({ data }) {
  if (data?.setup === 'throws')
    throw new Error('no setup today', { cause: new KvmError('ERR_KVM_STATE', 'deep down') });
}

export function io({ io }, { vm, vcpu, post, data, stopping, end, stop }) {
  if (!io.isWrite) {
    io.value = ++reads;
    return undefined;
  }
  switch (io.port) {
    case 0x10:
      post({ id: vcpu.id, value: io.value });
      return undefined;
    case 0x11:
      end({ value: io.value, data, capability: vm.checkExtension(0), stopping });
      return undefined;
    case 0x12:
      vcpu.setRegs({ rip: -1n });
      return undefined;
    case 0x13:
      vm.createVcpu(vcpu.id);
      return undefined;
    case 0x14:
      end(() => 'no postMessage carries this');
      return undefined;
    case 0x15:
      return process.exit(7);
    case 0x16:
      // Handled asynchronously, while the guest continues.
      setTimeout(() => vm.createVcpu(vcpu.id), 5);
      return new Promise((resolve) => setTimeout(resolve, 20));
    case 0x17:
      throw 'a text';
    case 0x18:
      vcpu.close();
      end('done');
      return undefined;
    case 0x19:
      return io.isWrite;
    case 0x1a:
      return Promise.resolve(null);
    case 0x1b:
      stop({ by: vcpu.id });
      return undefined;
    case 0x1c:
      end(1);
      stop(2);
      return undefined;
    default:
      return new Promise((resolve) => setTimeout(resolve, 5));
  }
}
