// Has magic-gen parse two structs, where it is installed, and prints their names, or the error:
// {"structs":["kvm_regs","kvm_run"]}
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel, findHeaders, findTarget, MagicGenError } from '@kvm/magic-gen';

const directory = mkdtempSync(join(tmpdir(), 'kvm-headers-'));
for (const name of ['asm', 'linux']) mkdirSync(join(directory, name));
const regs = '#ifndef REGS\n#define REGS\nstruct kvm_regs { unsigned long long rax; };\n#endif\n';
writeFileSync(join(directory, 'asm/kvm.h'), regs);
writeFileSync(join(directory, 'linux/kvm.h'), '#include <asm/kvm.h>\nstruct kvm_run { struct kvm_regs regs; };\n');
process.stdout.write(`${JSON.stringify(result())}\n`);
rmSync(directory, { recursive: true });

function result() {
  try {
    const target = findTarget('x86');
    const model = buildModel(findHeaders({ directory, kernelVersion: '6.12', target }), target);
    return { structs: model.structs.map(({ name }) => name).sort() };
  } catch (error) {
    if (!(error instanceof MagicGenError)) throw error;
    return { error: error.message };
  }
}
