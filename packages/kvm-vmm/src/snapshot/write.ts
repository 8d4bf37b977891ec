import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type GuestMemory, KvmError, type SavedState } from '@kvm/core';
import { type Header, headerFile, headerText, type Part } from './header.js';
import { writeImage } from './memory-image.js';

/** What is saved of a machine that stands still. */
export interface Saved extends Omit<Header, 'state' | 'memory'> {
  readonly state: SavedState;
  readonly memory: GuestMemory;
}

/**
 * A snapshot that is being written. An earlier one in the same folder stays whole until `commit`: the files have names
 * of their own, and `snapshot.json`, which names them, is replaced last.
 */
export class SnapshotWriter {
  readonly #folder: string;
  /** Tells the files of one snapshot from those of another. */
  readonly #id = randomBytes(8).toString('hex');
  readonly #files: FileHandle[] = [];
  readonly #names: string[] = [];
  #header: Header | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a folder that cannot be made or written to. */
  static async open(folder: string): Promise<SnapshotWriter> {
    if (typeof folder !== 'string' || folder === '') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the folder of a snapshot must be a path');
    }
    const writer = new SnapshotWriter(folder);
    await failing(`the snapshot ${folder} cannot be written`, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // The machine is not stopped for a folder that takes no files.
      await writer.#create('state');
      await writer.#create('memory');
    });
    return writer;
  }

  /** Writes what changes once the machine goes on. */
  async write({ state, memory, ...rest }: Saved): Promise<void> {
    const [stateFile, memoryFile] = this.#files as [FileHandle, FileHandle];
    await failing(`the snapshot ${this.#folder} cannot be written`, async () => {
      const digest = createHash('sha256');
      for (const bytes of state.chunks()) {
        digest.update(bytes);
        await stateFile.writeFile(bytes);
      }
      this.#header = {
        ...rest,
        state: this.#part(0, state.size, digest.digest('hex')),
        memory: this.#part(1, memory.size, await writeImage(memoryFile, memory)),
      };
    });
  }

  /** Makes what was written the folder's snapshot, once all of it is on the disk. */
  async commit(): Promise<void> {
    await failing(`the snapshot ${this.#folder} cannot be written`, async () => {
      for (const file of this.#files) await file.sync();
      const name = `${headerFile}-${this.#id}`;
      const file = await this.#create(headerFile);
      await file.writeFile(headerText(this.#header as Header));
      await file.sync();
      await rename(join(this.#folder, name), join(this.#folder, headerFile));
      await syncFolder(this.#folder);
      this.#names.length = 0;
      await this.#removeEarlier();
    });
  }

  /** Closes the files. What was not committed is removed. */
  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close();
    for (const name of this.#names.splice(0)) await rm(join(this.#folder, name), { force: true });
  }

  async #create(kind: string): Promise<FileHandle> {
    const name = `${kind}-${this.#id}`;
    // It has all that the guest knows: for this user only.
    const file = await open(join(this.#folder, name), 'wx', 0o600);
    this.#files.push(file);
    this.#names.push(name);
    return file;
  }

  #part(index: number, size: number, sha256: string): Part {
    return { file: this.#names[index] as string, size, sha256 };
  }

  /** A machine that was restored from an earlier snapshot keeps its memory: the file loses its name only. */
  async #removeEarlier(): Promise<void> {
    const earlier = (await readdir(this.#folder)).filter(
      (name) => /^(?:state|memory|snapshot\.json)-[0-9a-f]{16}$/.test(name) && !name.endsWith(this.#id),
    );
    for (const name of earlier) await rm(join(this.#folder, name), { force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the errors of the file system a name. */
async function failing(what: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    if (cause instanceof KvmError) throw cause;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what}: ${(cause as Error).message}`, { cause });
  }
}
