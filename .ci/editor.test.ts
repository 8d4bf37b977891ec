import { resolve } from 'node:path';
import ts from 'typescript-5.7';
import { expect, test } from 'vitest';

/**
 * What an editor shows for names in a program, according to TypeScript's language service. TypeScript 7.0 shows no doc
 * comments of mapped types such as `Partial`, and has no API to ask, so this test uses 5.7.
 */
const program = `
import { type Vcpu, type Vm, CpuidTable, KvmSregs, type KvmRegs } from '../packages/kvm-core/src/index.js';

export function use(vcpu: Vcpu, vm: Vm, regs: KvmRegs): void {
  vcpu.setRegs({ rip: 0x1000n });
  vcpu.setRegs(regs);
  vcpu.setSregs({ cr0: 1n, cs: { base: 0n } });
  KvmSregs.from({ efer: 0n });
  regs.assign({ rflags: 2n });
  new CpuidTable().put({ eax: 1 });
  vcpu.setMsrs([{ index: 0x10, data: 1n }]);
  vm.setClock({ clock: 1n });
}
`;
const file = resolve(import.meta.dirname, 'editor-program.ts');

function languageService(): ts.LanguageService {
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
  };
  const read = (path: string): string | undefined => (path === file ? program : ts.sys.readFile(path));
  return ts.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const text = read(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => import.meta.dirname,
    getCompilationSettings: () => options,
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    fileExists: (path) => path === file || ts.sys.fileExists(path),
    readFile: read,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  });
}

test('a field of a struct shows its doc comment in an argument of a call', () => {
  const service = languageService();
  expect(service.getSemanticDiagnostics(file).map(({ messageText }) => messageText)).toEqual([]);
  const docs = [...program.matchAll(/(\w+): (?:\d|\{)/g)].map(({ index, 1: name }) => {
    const { documentation } = service.getQuickInfoAtPosition(file, index) ?? {};
    return `${name}: ${ts.displayPartsToString(documentation)}`;
  });
  expect(docs).toEqual([
    'rip: `__u64 rip`, at byte 128.',
    'cr0: `__u64 cr0`, at byte 224.',
    'cs: `struct kvm_segment cs`, at byte 0.',
    'base: `__u64 base`, at byte 0.',
    'efer: `__u64 efer`, at byte 264.',
    'rflags: `__u64 rflags`, at byte 136.',
    'eax: `__u32 eax`, at byte 12.',
    'index: `__u32 index`, at byte 0.',
    'data: `__u64 data`, at byte 8.',
    'clock: `__u64 clock`, at byte 0.',
  ]);
});
