import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KvmError, SavedState } from '@kvm/core';
import { broken, type Header, headerFile, type Part, parseHeader } from './header.js';
import { imageDigest } from './memory-image.js';

/** A snapshot whose files are there and are what they were. */
export interface Snapshot {
  readonly header: Header;
  readonly state: SavedState;
  /** The path of the guest's memory. */
  readonly memory: string;
}

/** The most bytes of `snapshot.json` and of the state: far more than a machine has. */
const mostBytes = 2 ** 28;

/**
 * Reads a snapshot.
 *
 * @param verify whether to read all of the memory and to compare its digest.
 * @throws KvmError `ERR_KVM_STATE` for a snapshot that is damaged, cut short or of another version;
 *   `ERR_KVM_INVALID_ARGUMENT` for a folder without one.
 */
export async function readSnapshot(folder: string, verify: boolean): Promise<Snapshot> {
  if (typeof folder !== 'string' || folder === '') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the folder of a snapshot must be a path');
  }
  const header = parseHeader(await headerOf(folder));
  const { state, memory } = header;
  const bytes = await withFile(folder, state, async (file) => {
    if (state.size > mostBytes) throw broken(`${state.file} is larger than any state`);
    return await file.readFile();
  });
  if (createHash('sha256').update(bytes).digest('hex') !== state.sha256) throw damaged(state);
  await withFile(folder, memory, async (file) => {
    if (verify && (await imageDigest(file, memory.size)) !== memory.sha256) throw damaged(memory);
  });
  return { header, state: SavedState.from(bytes), memory: join(folder, memory.file) };
}

async function headerOf(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, headerFile), 'utf8');
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${folder} has no snapshot: ${(cause as Error).message}`, {
      cause,
      hint: 'machine.snapshot(folder) makes one',
    });
  }
}

async function withFile<T>(folder: string, part: Part, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(join(folder, part.file), 'r');
  } catch (cause) {
    throw broken(`a file of this snapshot cannot be read: ${(cause as Error).message}`, cause);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw broken(`${part.file} is no file`);
    if (stats.size !== part.size) throw broken(`${part.file} has ${stats.size} bytes, and was saved with ${part.size}`);
    return await use(file);
  } finally {
    await file.close();
  }
}

function damaged({ file }: Part): KvmError {
  return broken(`${file} is damaged: its bytes are not those that were saved`);
}
