import type { DiskOptions } from '@kvm/vmm';
import { InvalidArgumentError } from 'commander';

type Draft = { -readonly [K in keyof DiskOptions]: DiskOptions[K] };

const usage = 'A disk is an image or a block device, with ,ro or ,overlay or ,overlay=FILE and ,serial=TEXT behind it.';

/** A disk: `a.img`, `b.img,ro`, `base.img,overlay` or `base.img,overlay=FILE,serial=root`. Adds it to the others. */
export function parseDisk(text: string, others: readonly DiskOptions[] = []): DiskOptions[] {
  const words = text.split(',');
  const disk: Draft = { path: '' };
  // A path may have commas of its own, so the options are taken from the end.
  while (words.length > 1 && take(words.at(-1) as string, disk)) words.pop();
  disk.path = words.join(',');
  if (disk.path === '') throw new InvalidArgumentError(usage);
  return [...others, disk];
}

/** Takes an option of a disk. Returns false for what is none: a part of the path. */
function take(word: string, disk: Draft): boolean {
  const [name, ...rest] = word.split('=');
  const value = rest.join('=');
  if (word === 'ro') disk.readOnly = true;
  else if (word === 'overlay') disk.overlay = true;
  else if (name === 'overlay' && value !== '') disk.overlay = value;
  else if (name === 'serial' && value !== '') disk.serial = value;
  else return false;
  return true;
}
