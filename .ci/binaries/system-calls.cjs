// Loads the addon, where @kvm/native is installed, and makes system calls with it.
const native = require('@kvm/native').load();
const thread = native.threadId();
const timer = native.createTimer(thread);
const armed = native.setTimer(timer, 1, 0);
// The signal of the timer would end the process, if the addon's handler were not there.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
const result = {
  arch: process.arch,
  kicked: native.interrupt(thread),
  timer: [timer >= 0, armed, native.deleteTimer(timer)],
  errors: [native.duplicate(-1), native.open('/nonexistent')],
};
process.stdout.write(`${JSON.stringify(result)}\n`);
