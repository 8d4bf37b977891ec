import { historyNamed } from './file.js';
import { firstKernel, knownKernels } from './history.js';
import type { Kind } from './names.js';
import { sinceText } from './versions.js';

/** Since when something is there. */
export interface Since {
  /** The first known kernel that has it. */
  kernel: string;
  /** "since Linux 6.12 or earlier", or "since Linux 7.3" where the release just before is known not to have it. */
  text: string;
}

/**
 * Since when the headers of an interface have a name; undefined where no known kernel has it.
 *
 * @param name For a member the path to it: "kvm_run.io.direction".
 * @param of The interface: "virtio".
 */
export function since(kind: Kind, name: string, arch: string, of = 'kvm'): Since | undefined {
  const history = historyNamed(of);
  const kernel = firstKernel(history, kind, name, arch);
  return kernel === undefined ? undefined : { kernel, text: sinceText(kernel, knownKernels(history, arch)) };
}
