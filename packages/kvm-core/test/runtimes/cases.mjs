import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { inspect, promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { backendNames, Cap, ExitReason, Kvm, KvmError, tryBackend } from '../../dist/index.js';
import { exitOf } from '../exit-of.mjs';

/**
 * The main cases of the API on a runtime that vitest does not support, for each backend that loads there:
 *
 *   bun cases.mjs [RESULTS.json]
 *
 * It needs the built package. The results have those fields of vitest's format that are added up.
 */

/** A VM of one vCPU and 64 KiB, about to run `code` in real mode at 0x1000. */
function guest(backend, code) {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x10000 });
  memory.write(0x1000, Uint8Array.from(code));
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  for (const segment of [sregs.cs, sregs.ds]) segment.assign({ base: 0n, selector: 0 });
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
  const close = () => {
    for (const object of [vcpu, memory, vm, kvm]) object.close();
  };
  return { kvm, vm, vcpu, memory, close };
}

/** How this runtime runs a program that can collect garbage. */
const collecting =
  'Bun' in globalThis ? [] : 'Deno' in globalThis ? ['run', '--allow-all', '--v8-flags=--expose-gc'] : ['--expose-gc'];

/** A case of what garbage collection leaves, in a process of its own. */
async function collected(backend, name) {
  const program = new URL('../collected.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [...collecting, program, backend, name], {
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  assert.match(stdout, /^kept$|^the host lacks /);
}

const cases = {
  'the host answers for its version and its capabilities'(backend) {
    const kvm = Kvm.open({ backend });
    assert.equal(kvm.backendName, backend);
    assert.equal(kvm.getApiVersion(), 12);
    assert.equal(kvm.checkExtension(Cap.UserMemory), 1);
    assert.ok(kvm.getMsrIndexList().length > 0);
    kvm.close();
  },
  'a guest adds, and its registers are read and written'(backend) {
    // add ax, bx; hlt
    const { vcpu, close } = guest(backend, [0x01, 0xd8, 0xf4]);
    const { rip, rflags } = vcpu.getRegs();
    vcpu.setRegs({ rip, rflags, rax: 2n, rbx: 40n });
    assert.equal(exitOf(vcpu).reason, ExitReason.Hlt);
    assert.equal(vcpu.getRegs().rax, 42n);
    close();
  },
  'a port is read and written, in place'(backend) {
    // in al, 0x10; inc al; out 0x11, al; hlt
    const { vcpu, close } = guest(backend, [0xe4, 0x10, 0xfe, 0xc0, 0xe6, 0x11, 0xf4]);
    const read = exitOf(vcpu);
    assert.equal(read.reason, ExitReason.Io);
    assert.deepEqual([read.io.port, read.io.size, read.io.isWrite], [0x10, 1, false]);
    read.io.data[0] = 41;
    const write = exitOf(vcpu);
    assert.deepEqual([write.io.port, write.io.isWrite, write.io.data[0]], [0x11, true, 42]);
    assert.equal(exitOf(vcpu).reason, ExitReason.Hlt);
    close();
  },
  'memory that is not there is a device'(backend) {
    // mov ax, 0x2000; mov ds, ax; mov byte [0x10], 7; hlt
    const { vcpu, close } = guest(backend, [0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xc6, 0x06, 0x10, 0x00, 0x07, 0xf4]);
    const { reason, mmio } = exitOf(vcpu);
    assert.equal(reason, ExitReason.Mmio);
    assert.deepEqual([mmio.physAddr, mmio.len, mmio.isWrite, mmio.value], [0x20010n, 1, true, 7n]);
    close();
  },
  'what the guest stores is in its memory'(backend) {
    // mov byte [0x3000], 0x55; hlt
    const { vcpu, memory, close } = guest(backend, [0xc6, 0x06, 0x00, 0x30, 0x55, 0xf4]);
    exitOf(vcpu);
    assert.equal(memory.read(0x3000, 1)[0], 0x55);
    close();
  },
  async 'another thread kicks a guest that spins'(backend) {
    // jmp to itself
    const { vcpu, close } = guest(backend, [0xeb, 0xfe]);
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(({ kick }) => {
         parentPort.on('message', (handle) => { setTimeout(() => kick(handle), 20); });
         parentPort.postMessage('ready');
       });`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    worker.postMessage(vcpu.kickHandle());
    assert.equal(vcpu.run().reason, ExitReason.Intr);
    await worker.terminate();
    close();
  },
  'a deadline stops a guest that spins'(backend) {
    const { vcpu, close } = guest(backend, [0xeb, 0xfe]);
    const deadline = performance.now() + 20;
    do assert.equal(vcpu.run({ deadline }).reason, ExitReason.Intr);
    while (!vcpu.deadlinePassed);
    close();
  },
  async 'vCPUs run in Workers with the handlers of a module, and come back'(backend) {
    // in al, 0x10; inc al; out 0x10, al; hlt
    const { vm, vcpu, close } = guest(backend, [0xe4, 0x10, 0xfe, 0xc0, 0xe6, 0x10, 0xf4]);
    const handlers = new URL('../start/handlers.mjs', import.meta.url);
    const messages = [];
    const onMessage = (message) => messages.push(message);
    const [outcome] = await vm.start({ vcpus: [vcpu], handlers, onMessage }).done;
    assert.deepEqual([outcome.ended, outcome.reason], ['exit', ExitReason.Hlt]);
    assert.deepEqual(messages, [{ id: 0, value: 2 }]);
    outcome.vcpu.close();
    close();
  },
  'what is printed is what a person wants'(backend) {
    // out 0x11, al; hlt
    const { kvm, vm, vcpu, close } = guest(backend, [0xe6, 0x11, 0xf4]);
    assert.match(inspect(vcpu.getRegs()), /^KvmRegs \{[\s\S]*rip: 0x1000n/);
    assert.match(inspect(vcpu.getSregs()), /cs: KvmSegment \{/);
    assert.match(inspect(exitOf(vcpu)), /^KVM_EXIT_IO \{\s+reason: 2,\s+io: IoAccess \{\s+port: 0x11,/);
    assert.equal(inspect(vm), `Vm { fd: ${vm.fd}, backend: "${backend}" }`.replaceAll('"', inspect('x')[0]));
    assert.match(inspect(kvm.capabilities()), /^Capabilities \{[\s\S]*KVM_CAP_USER_MEMORY: 1,/);
    close();
    assert.match(inspect(vcpu), /^Vcpu \{\s+id: 0,\s+closed: true,?\s+\}$/);
  },
  'what is wrong is a KvmError with its code'(backend) {
    const { vm, vcpu, close } = guest(backend, [0xf4]);
    assert.throws(() => vm.createVcpu(0), { code: 'ERR_KVM_SYSCALL', errnoName: 'EEXIST' });
    assert.throws(() => vm.createVcpu(-1), { code: 'ERR_KVM_OUT_OF_RANGE' });
    close();
    assert.throws(
      () => vcpu.run(),
      (error) => error instanceof KvmError && error.code === 'ERR_KVM_CLOSED',
    );
  },
};

for (const name of ['views', 'coalesced', 'dirty', 'shared', 'running', 'dropped']) {
  cases[`garbage collection leaves what is in use, and nothing else: ${name}`] = (backend) => collected(backend, name);
}

let numPassedTests = 0;
let numFailedTests = 0;
let numPendingTests = 0;
const say = (line) => process.stdout.write(`${line}\n`);
for (const backend of backendNames) {
  const attempt = tryBackend(backend);
  if ('error' in attempt) {
    numPendingTests += Object.keys(cases).length;
    say(`${backend}: skipped, ${attempt.error.message}`);
    continue;
  }
  for (const [claim, check] of Object.entries(cases)) {
    try {
      await check(backend);
      numPassedTests++;
      say(`ok ${claim} (${backend})`);
    } catch (error) {
      numFailedTests++;
      say(`FAILED ${claim} (${backend}): ${error.stack}`);
    }
  }
}
const success = numFailedTests === 0 && numPassedTests > 0;
const results = { success, numPassedTests, numFailedTests, numPendingTests, numTodoTests: 0 };
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], JSON.stringify(results));
process.exit(success ? 0 : 1);
