import { historyNamed } from './file.js';
import { firstKernel, knownKernels } from './history.js';
import type { Kind } from './names.js';
import { sinceText } from './versions.js';

/** When something was added. */
export interface Since {
  /** The first known kernel that has it. */
  kernel: string;
  /** "since Linux 6.12 or earlier", or "since Linux 7.3" where the release just before is known and lacks it. */
  text: string;
}

/**
 * When a name was added to the headers of an interface; undefined where no known kernel has it.
 *
 * @param name For a member its path: "kvm_run.io.direction".
 * @param of The interface: "virtio".
 */
export function since(kind: Kind, name: string, arch: string, of = 'kvm'): Since | undefined {
  const history = historyNamed(of);
  const kernel = firstKernel(history, kind, name, arch);
  return kernel === undefined ? undefined : { kernel, text: sinceText(kernel, knownKernels(history, arch)) };
}
