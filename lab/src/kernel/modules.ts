import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LabError } from '../errors.js';
import { decompress } from './decompress.js';

/** A module of a kernel, ready to load. */
export interface KernelModule {
  name: string;
  data: Uint8Array;
}

/**
 * These modules and their dependencies in load order, without those that are built in.
 *
 * @param tree The folder of a kernel's modules (`lib/modules/VERSION`).
 * @param isOptional Leaves out those that the kernel does not have.
 */
export async function loadOrder(tree: string, wanted: readonly string[], isOptional = false): Promise<KernelModule[]> {
  const files = moduleFiles(tree);
  const builtIn = builtInModules(tree);
  const found = new Map<string, KernelModule>();
  const visit = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (found.has(name) || builtIn?.has(name)) return;
    if (file === undefined) {
      if (builtIn === undefined || isOptional) return;
      throw new LabError(`the kernel has no module ${name}`);
    }
    const data = withoutSignature(await decompress(readFileSync(file)));
    for (const dependency of dependencies(data)) await visit(dependency);
    found.set(name, { name, data });
  };
  for (const name of wanted) await visit(spelled(name));
  return [...found.values()];
}

/** The kernel treats `-` and `_` in a module's name as the same. */
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

/**
 * The kernel's own list of built-in modules; undefined if its package is gone from the archive. Then a module without a
 * file is taken to be built in.
 */
function builtInModules(tree: string): Set<string> | undefined {
  const list = join(tree, 'modules.builtin');
  return existsSync(list) ? new Set(readFileSync(list, 'utf8').trim().split('\n').map(nameOf)) : undefined;
}

function nameOf(path: string): string {
  return spelled(basename(path).replace(/\.ko.*$/, ''));
}

/** The dependencies of a module from its section `.modinfo`, which has zero-terminated strings. */
function dependencies(module: Uint8Array): string[] {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const at = text.indexOf('\0depends=');
  if (at < 0) return [];
  const list = text.toString('latin1', at + '\0depends='.length, text.indexOf(0, at + 1));
  return list === '' ? [] : list.split(',').map(spelled);
}

const signed = '~Module signature appended~\n';

/**
 * Removes the signature, because checking it is slow under emulation. Debian's checksum has already verified the
 * module.
 */
export function withoutSignature(module: Uint8Array): Uint8Array {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  if (bytes.subarray(-signed.length).toString('latin1') !== signed) return module;
  // Before the magic string is a struct module_signature, whose last member is the length of the signature before it.
  const end = bytes.length - signed.length;
  return module.subarray(0, end - 12 - bytes.readUInt32BE(end - 4));
}
