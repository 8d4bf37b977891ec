import { describe, expect, it } from 'vitest';
import { modelOf } from '../../test/model.js';
import { emit } from './emit.js';
import { anywhere } from './output.js';

describe('gen fails and names the two names that become one', () => {
  it.each([
    ['struct kvm_run { struct { int a; } io; };\nstruct kvm_run_io { int a; };', 'KvmRunIo'],
    ['struct kvm_foo_bar { int a; };\nstruct kvm_foo__bar { int a; };', 'KvmFooBar'],
    ['struct kvm_foo { int a; };\n#define KvmFoo 1', 'KvmFoo'],
    ['struct s { int ab; int aB; };', 's.aB and s.ab are both ab'],
    ['#define class 3', 'the constant class'],
    ['struct uint8_array { int a; };', 'Uint8Array'],
  ])('%s', (text, problem) => {
    expect(() => emit(modelOf(text), anywhere)).toThrow(problem);
  });
});

describe('gen accepts names of Object’s members, or that begin with a digit', () => {
  it('as members, structs and capabilities', () => {
    const text = `struct constructor { int constructor; int __proto__; int to_string; int _1; };
      struct _9p { int a; };
      #define KVM_CAP_CONSTRUCTOR 1
      #define KVM_CAP_9P 2
      #define KVM_CAP_ 3`;
    const files = emit(modelOf(text), anywhere);
    expect(files.get('structs.ts')).toContain("fields = ['constructorMember', 'proto', 'toStringMember', '_1']");
    expect(files.get('structs.ts')).toContain('export class Constructor extends Struct');
    expect(files.get('structs.ts')).toContain('export class _9p extends Struct');
    for (const line of ['  Constructor: 1,', '  _9p: 2,', '  _: 3,']) expect(files.get('groups.ts')).toContain(line);
  });

  it('and accepts headers without kvm_run, exits or anything else', () => {
    expect([...emit(modelOf(''), anywhere).keys()]).toEqual(['foreign-ioctls.ts', 'index.ts']);
    expect([...emit(modelOf('#define KVM_EXIT_IO 2'), anywhere).keys()]).not.toContain('exits.ts');
  });
});
