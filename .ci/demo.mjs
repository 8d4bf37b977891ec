// The README's demo, with the flags of `kvm-cli run`. Without a usable /dev/kvm it runs in a lab.
//   node .ci/demo.mjs [FLAGS...]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { whyNoKvm } from './kvm.mjs';

const root = join(import.meta.dirname, '..');
const command = [process.execPath, join(root, 'packages/kvm-cli/dist/main.js'), 'run', ...process.argv.slice(2)];
/** The lab's status if it could not run the command. */
const labFailed = 125;

const reason = whyNoKvm();
// The guest is for x86: kvm-cli says so elsewhere.
if (reason === undefined || process.arch !== 'x64') {
  process.exitCode = run(command);
} else {
  process.stderr.write(`${reason}: the demo runs on the KVM of an emulated machine, which takes some 15 seconds.\n`);
  const lab = [process.execPath, join(root, 'lab/dist/main.js'), 'run', '--steps', '--timeout', '300', '--'];
  const status = run([...lab, ...command]);
  if (status === labFailed) {
    process.stderr.write(
      `${reason}, and no machine could be emulated. To run the demo, do one of these:\n` +
        '  load the module:      sudo modprobe kvm_intel, or sudo modprobe kvm_amd\n' +
        '  get permission:       sudo usermod -aG kvm $USER, and log in again\n' +
        '  in a container:       docker run --device /dev/kvm ...\n' +
        '  emulate a machine:    apt install qemu-system-x86 xz-utils zstd (Debian 12 or later), and try again\n',
    );
  }
  process.exitCode = status === labFailed ? 2 : status;
}

function run([program, ...args]) {
  const { status, signal, error } = spawnSync(program, args, { stdio: 'inherit', cwd: root });
  if (error !== undefined) throw error;
  if (signal !== null) process.kill(process.pid, signal);
  return status ?? 1;
}
