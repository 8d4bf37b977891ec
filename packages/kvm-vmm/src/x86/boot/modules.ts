import { doesNotFit } from '../../boot/image-error.js';
import { encodeCommandLine, linuxCommandLineLimit } from './command-line.js';
import { type Layout, Structures } from './layout.js';
import type { BootModule, LinuxImage } from './plan.js';

/** 32-bit kernels are told addresses of 32 bits; Linux reads no more of PVH's. */
const fourGiB = 0x1_0000_0000n;
const mostModules = 256;

interface LoadedModule {
  readonly addr: bigint;
  readonly size: number;
  readonly cmdlineAddr: bigint;
}

/** What a kernel with a list of modules is given. */
export interface Modules {
  readonly cmdlinePaddr: bigint;
  readonly modules: readonly LoadedModule[];
}

/** Adds the command line of the kernel, and the modules with theirs: the initrd is the first of them. */
export function addModules(layout: Layout, { initrd, modules = [], cmdline = '' }: LinuxImage): Modules {
  const all: readonly BootModule[] = initrd === undefined ? modules : [{ source: initrd }, ...modules];
  if (all.length > mostModules) throw doesNotFit(`there are ${all.length} modules; the limit is ${mostModules}`);
  let addr: bigint = Structures.commandLines;
  const addText = (name: string, text: string): bigint => {
    const bytes = encodeCommandLine(text, linuxCommandLineLimit);
    const at = addr;
    addr += BigInt(bytes.length);
    if (addr > Structures.setupData) throw doesNotFit('the command lines of all modules are longer than 64 KiB');
    layout.addStructure(name, at, bytes);
    return at;
  };
  const cmdlinePaddr = addText('the command line', cmdline);
  const loaded = all.map(({ source, cmdline: text = '' }, i) => {
    const name = source === initrd ? 'the initrd' : `module ${i}`;
    const cmdlineAddr = addText(`the command line of ${name}`, text);
    return { addr: layout.addBelow(fourGiB, name, source), size: source.size, cmdlineAddr };
  });
  return { cmdlinePaddr, modules: loaded };
}
