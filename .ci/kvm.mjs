// Reports which tests a host without KVM skips, and where they run instead.
import { accessSync, constants } from 'node:fs';

try {
  accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
} catch (error) {
  process.stdout.write(`/dev/kvm cannot be used here (${error.code}): the tests that run guests are skipped.\n`);
  process.stdout.write('They run in labs, which are emulated machines: npx pnpm test:lab\n');
  process.stdout.write('Other packages than @kvm/core: npx pnpm lab test --arch x86 --package vmm --package cli\n');
}
