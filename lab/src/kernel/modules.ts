import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LabError } from '../errors.js';
import { decompress } from './decompress.js';

/** A module of a kernel, ready to be loaded. */
export interface KernelModule {
  name: string;
  data: Uint8Array;
}

/**
 * These modules and all that they need, in the order in which they load. What the kernel has built in is left out.
 *
 * @param tree The folder of a kernel's modules (`lib/modules/VERSION`).
 */
export async function loadOrder(tree: string, wanted: readonly string[]): Promise<KernelModule[]> {
  const files = moduleFiles(tree);
  const builtIn = builtInModules(tree);
  const found = new Map<string, KernelModule>();
  const visit = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (found.has(name) || builtIn?.has(name)) return;
    if (file === undefined) {
      if (builtIn === undefined) return;
      throw new LabError(`the kernel has no module ${name}`);
    }
    const data = withoutSignature(await decompress(readFileSync(file)));
    for (const dependency of dependencies(data)) await visit(dependency);
    found.set(name, { name, data });
  };
  for (const name of wanted) await visit(spelled(name));
  return [...found.values()];
}

/** The kernel takes `-` and `_` in a module's name for the same. */
function spelled(name: string): string {
  return name.replaceAll('-', '_');
}

function moduleFiles(tree: string): Map<string, string> {
  const entries = readdirSync(join(tree, 'kernel'), { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile() && /\.ko(?:\.\w+)?$/.test(entry.name))
      .map((entry) => [nameOf(entry.name), join(entry.parentPath, entry.name)]),
  );
}

/** The kernel's own list; undefined where its package is gone from the archive, and what is no file must be built in. */
function builtInModules(tree: string): Set<string> | undefined {
  const list = join(tree, 'modules.builtin');
  return existsSync(list) ? new Set(readFileSync(list, 'utf8').trim().split('\n').map(nameOf)) : undefined;
}

function nameOf(path: string): string {
  return spelled(basename(path).replace(/\.ko.*$/, ''));
}

/** What a module says it needs, in its section `.modinfo`: texts that end with a zero byte. */
function dependencies(module: Uint8Array): string[] {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const at = text.indexOf('\0depends=');
  if (at < 0) return [];
  const list = text.toString('latin1', at + '\0depends='.length, text.indexOf(0, at + 1));
  return list === '' ? [] : list.split(',').map(spelled);
}

const signed = '~Module signature appended~\n';

/** Checking a signature takes long under emulation. What it checks is what Debian's own checksum has shown already. */
export function withoutSignature(module: Uint8Array): Uint8Array {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  if (bytes.subarray(-signed.length).toString('latin1') !== signed) return module;
  // Before the mark stands a struct module_signature, whose last member is the length of the signature before it.
  const end = bytes.length - signed.length;
  return module.subarray(0, end - 12 - bytes.readUInt32BE(end - 4));
}
