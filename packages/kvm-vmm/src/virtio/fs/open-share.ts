import { accessSync, closeSync, constants as flags, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { KvmError } from '@kvm/core';
import type { ShareOptions } from '../../machine/document.js';
import type { ShareOrder } from './fs-order.js';
import { O_PATH } from './linux.js';

const { EACCES, ENOENT, ENOTDIR } = constants.errno;

/** More than a guest has in use, even where a process may have many descriptors. */
const most = { inodes: 2 ** 18, handles: 2 ** 12 };

/** An open share. The descriptor belongs to this object. */
export interface OpenShare {
  readonly order: ShareOrder;
  /** Closes the descriptor. A second call does nothing. */
  close(): void;
}

/**
 * Opens a folder to share.
 *
 * @param count how many shares there are: each gets its part of half of the descriptors of this process.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what is no folder, or may not be read; the hint says what to do.
 */
export function openShare({ path, tag, readOnly, cache, ids }: Required<ShareOptions>, count: number): OpenShare {
  const root = openFolder(path);
  const descriptors = Math.floor(descriptorLimit() / 2 / count);
  const handles = Math.min(most.handles, Math.ceil(descriptors / 4));
  const inodes = Math.min(most.inodes, descriptors - handles);
  let isOpen = true;
  return {
    order: { tag, root, readOnly, cache, ids, inodes, handles },
    close: () => {
      if (isOpen) closeSync(root);
      isOpen = false;
    },
  };
}

function openFolder(path: string): number {
  try {
    // With the dot behind it, a file is told from a folder that may not be listed.
    accessSync(`${path}/.`, flags.R_OK | flags.X_OK);
    return openSync(path, O_PATH | flags.O_DIRECTORY);
  } catch (cause) {
    const { errno = 0, message } = cause as NodeJS.ErrnoException;
    const hints: Record<number, string> = {
      [ENOENT]: `make it: mkdir ${path}`,
      [ENOTDIR]: 'a share is a folder: share the one that the file is in',
      [EACCES]: 'whoever runs the machine needs the permission to list it',
    };
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the folder ${path} cannot be shared: ${message.split(',')[0]}`, {
      hint: hints[-errno],
      cause,
    });
  }
}

/** How many descriptors this process may have. */
function descriptorLimit(): number {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return limit === undefined ? most.inodes : Number(limit);
}
