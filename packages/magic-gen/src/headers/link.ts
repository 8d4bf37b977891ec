import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from './cache.js';

/**
 * A folder in the cache in which `asm` is a link to the given one. `#include <asm/kvm.h>` finds the header there in a
 * set that has it as `asm-arm64/kvm.h`, both in magic-gen and in a compiler.
 */
export function asmLink(folder: string): string {
  const path = realpathSync(folder);
  const parent = join(cacheDirectory(), 'asm', createHash('sha256').update(path).digest('hex').slice(0, 16));
  const link = join(parent, 'asm');
  mkdirSync(parent, { recursive: true });
  try {
    symlinkSync(path, link);
  } catch (error) {
    // It exists already, or another process was faster.
    if (!existsSync(link)) throw error;
  }
  return parent;
}
