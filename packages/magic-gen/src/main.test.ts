import { describe, expect, it } from 'vitest';
import { headerSet } from '../test/header-set.js';
import { magicGen, noCompiler, notBuilt, titled } from '../test/host.js';

describe.skipIf(notBuilt)(titled('the command line', notBuilt), () => {
  it('prints the model of a directory of headers', () => {
    const [directory = ''] = headerSet('struct s { __u8 a; };').directories;
    const { status, stdout } = magicGen('dump', '--headers', directory);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 1,
      kernel: '6.1',
      arch: 'x86',
      records: [{ name: 's', size: 1 }],
    });
  });

  it.skipIf(noCompiler)(titled('prints what a compiler compared, and finally that nothing differs', noCompiler), () => {
    const [directory = ''] = headerSet('#define A 1\nstruct s { __u8 a; };').directories;
    const { status, stdout } = magicGen('verify', '--interface', 'kvm', '--headers', directory);
    expect(stdout).toMatch(/^constants {3}1$[\s\S]*^records {5}1$[\s\S]*^0 mismatches\n$/m);
    expect(status).toBe(0);
  });

  it('reports an error in one message, without a stack', () => {
    const [directory = ''] = headerSet('struct s { u8 a; };').directories;
    const message = `magic-gen: ${directory}/linux/kvm.h:3:12: unknown type 'u8'\n    struct s { u8 a; };\n`;
    expect(magicGen('dump', '--headers', directory)).toEqual({ status: 1, stdout: '', stderr: message });
    expect(magicGen('dump', '--headers', '/no/such')).toMatchObject({
      status: 1,
      stderr: 'magic-gen: /no/such is not a directory\n',
    });
    expect(magicGen('verify', '--headers', '/no/such', '--arch', 'all')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'magic-gen: /no/such is not a directory\n',
    });
    expect(magicGen('dump', '--arch', 'vax')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^magic-gen: unknown architecture 'vax'; known: x86, .*\n$/),
    });
  });
});
