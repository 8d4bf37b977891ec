// A program of a user: a guest on each backend that is installed, first on this thread, then on one of `vm.start`. It
// prints what came out, as JSON.
import { backendNames, ExitReason, Kvm, tryBackend } from '@kvm/core';
import { enterMode } from '@kvm/core/x86';

const results = {};
for (const backend of backendNames) {
  const attempt = tryBackend(backend);
  results[backend] = 'error' in attempt ? 'not installed' : await run(backend);
}
process.stdout.write(`${JSON.stringify(results)}\n`);

async function run(backend) {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x10000 });
  // mov al, 42; out 0x10, al; out 0x10, al; hlt
  memory.write(0x1000, Uint8Array.of(0xb0, 0x2a, 0xe6, 0x10, 0xe6, 0x10, 0xf4));
  vm.mapMemory(memory, 0n);
  const vcpu = vm.createVcpu(0);
  enterMode(vcpu, 'real', { memory, entry: 0x1000n, stackTop: 0x8000n });
  let exit;
  do exit = vcpu.run();
  while (exit.reason === ExitReason.Intr);
  const value = exit.reason === ExitReason.Io ? exit.io.value : exit.reason;
  const handlers = new URL('./handlers.mjs', import.meta.url);
  const posted = [];
  const running = vm.start({ vcpus: [vcpu], handlers, onMessage: (message) => posted.push(message) });
  const [outcome] = await running.done;
  outcome.vcpu.close();
  return `${value} ${posted} ${outcome.ended}`;
}
