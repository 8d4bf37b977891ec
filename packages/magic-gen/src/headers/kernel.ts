import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { lastLines, run } from '../run.js';
import type { TargetDescription } from '../targets/target.js';
import { cacheDirectory } from './cache.js';

/** Whether a folder is a kernel's source tree. */
export function isKernelTree(folder: string): boolean {
  return ['Kbuild', 'Makefile', 'include/uapi/linux/kvm.h', 'arch'].every((name) => existsSync(join(folder, name)));
}

/**
 * Runs `make headers` of a kernel's source tree and returns their folder. The tree is not changed. The output is kept,
 * so that make only has to redo what changed.
 *
 * @throws MagicGenError where the folder is not such a tree, or make fails.
 */
export async function kernelTreeHeaders(tree: string, target: TargetDescription): Promise<string> {
  if (!isKernelTree(tree)) throw new MagicGenError(`${tree} is not the source tree of a kernel`);
  const { arch } = target;
  if (!existsSync(join(tree, 'arch', arch))) throw new NoHeadersError(`${tree} has no architecture '${arch}'`);
  const source = realpathSync(tree);
  const name = createHash('sha256').update(source).digest('hex').slice(0, 16);
  const output = join(cacheDirectory(), 'trees', `${name}-${arch}`);
  mkdirSync(output, { recursive: true });
  const args = ['-s', '-C', source, `-j${availableParallelism()}`, `ARCH=${arch}`, `O=${output}`, 'headers'];
  const make = await run('make', args, { missing: "a kernel's headers are made with make and a C compiler" });
  if (!make.ok) throw new MagicGenError(`making the headers of ${tree} failed:\n    ${lastLines(make.stderr, 5)}`);
  return join(output, 'usr');
}
