import type { ShareOptions } from '@kvm/vmm';
import { InvalidArgumentError } from 'commander';

type Draft = { -readonly [K in keyof ShareOptions]: ShareOptions[K] };

const usage =
  'A share is a folder, with :TAG behind it, and with ,rw or ,cache=none or ,cache=auto or ,cache=always or ,squash.';

/** A shared folder: `dir`, `dir:tag`, `dir:tag,rw` or `dir,rw,cache=always,squash`. Adds it to the others. */
export function parseShare(text: string, others: readonly ShareOptions[] = []): ShareOptions[] {
  const words = text.split(',');
  const share: Draft = { path: '' };
  // A path may have commas of its own, so the options are taken from the end; and colons, so a tag has no slash.
  while (words.length > 1 && take(words.at(-1) as string, share)) words.pop();
  const folder = words.join(',');
  const [, path = folder, tag] = /^(.+):([^/:]+)$/s.exec(folder) ?? [];
  share.path = path;
  if (tag !== undefined) share.tag = tag;
  if (path === '') throw new InvalidArgumentError(usage);
  return [...others, share];
}

/** Takes an option of a share. Returns false for what is none: a part of the path. */
function take(word: string, share: Draft): boolean {
  if (word === 'rw' || word === 'ro') share.readOnly = word === 'ro';
  else if (word === 'squash') share.ids = word;
  else if (word === 'cache=none' || word === 'cache=auto' || word === 'cache=always') {
    share.cache = word.slice('cache='.length) as Required<ShareOptions>['cache'];
  } else return false;
  return true;
}
