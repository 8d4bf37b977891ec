import { type BigIntStats, statSync } from 'node:fs';
import { KvmError } from '@kvm/core';
import type { DiskOptions, ShareOptions } from '../machine/document.js';
import { broken } from './header.js';

/** What the devices of a machine use of the host's files. */
interface Used {
  readonly disks: readonly Required<DiskOptions>[];
  readonly shares: readonly Required<ShareOptions>[];
}

/** What tells whether such a file is what it was: a text for each. */
export interface HostFiles {
  readonly disks: readonly string[];
  readonly shares: readonly string[];
}

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a disk whose content no file has. */
export function hostFiles({ disks, shares }: Used): HostFiles {
  const inMemory = disks.find(({ overlay }) => overlay === true);
  if (inMemory !== undefined) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `what the guest has changed of ${inMemory.path} is in memory only`, {
      hint: "a machine with an overlay in a file can be saved: { path: 'base.img', overlay: 'changes' }",
    });
  }
  return { disks: disks.map(diskFacts), shares: shares.map(({ path }) => identity(path)) };
}

/**
 * Refuses disks that have changed since a machine was saved, and shares of other folders: its guest has parts of them
 * in memory. What is given anew is not compared: the program knows why.
 */
export function checkHostFiles(saved: HostFiles, now: Used, given: { disks: boolean; shares: boolean }): void {
  checkCount('disks', saved.disks, now.disks);
  checkCount('shares', saved.shares, now.shares);
  for (const [index, disk] of given.disks ? [] : now.disks.entries()) {
    if (diskFacts(disk) === saved.disks[index]) continue;
    throw new KvmError('ERR_KVM_STATE', `the disk ${disk.path} has changed since the machine was saved`, {
      hint: 'save a copy of the disks with the machine, and name it: disks: [{ path }]',
    });
  }
  for (const [index, { path }] of given.shares ? [] : now.shares.entries()) {
    if (identity(path) === saved.shares[index]) continue;
    throw new KvmError('ERR_KVM_STATE', `the shared folder ${path} is another one than when the machine was saved`, {
      hint: 'name the folder: shares: [{ path }]',
    });
  }
}

function checkCount(kind: string, saved: readonly unknown[], now: readonly unknown[]): void {
  if (saved.length !== now.length)
    throw broken(`the machine was saved with ${saved.length} ${kind}, not ${now.length}`);
}

/** A disk of a server is checked by what opens it. */
function diskFacts({ path, overlay }: Required<DiskOptions>): string {
  const base = /^https?:/.test(path) ? path : contents(path);
  return typeof overlay === 'string' ? `${base}, ${contents(overlay)}` : base;
}

function contents(path: string): string {
  const stats = statOf(path);
  return stats?.isFile() ? `${stats.size} bytes of ${stats.mtimeNs}` : identity(path);
}

function identity(path: string): string {
  const stats = statOf(path);
  return stats === undefined ? 'none' : `${stats.isFile() ? 'file' : 'device or folder'} ${stats.ino}`;
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}
