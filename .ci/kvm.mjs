// Says what a host without KVM does not test, and where that is tested instead.
import { accessSync, constants } from 'node:fs';

try {
  accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
} catch (error) {
  process.stdout.write(`/dev/kvm cannot be used here (${error.code}): the tests that run guests are skipped.\n`);
  process.stdout.write('They run without it in labs, machines under emulation: npm run pnpm -- run test:lab\n');
  process.stdout.write(
    '(those of @kvm/core; of others: npm run pnpm -- run lab test --arch x86 --package vmm --package cli)\n',
  );
}
