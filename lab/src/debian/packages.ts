/** A package in the list of a suite. */
export interface DebianPackage {
  name: string;
  version: string;
  depends: string;
  sha256: string;
}

/** Parses the paragraphs of a suite's list. A package without a checksum cannot be downloaded and is left out. */
export function readPackages(text: string): DebianPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
    const [name, version, sha256] = ['Package', 'Version', 'SHA256'].map(field);
    if (name === undefined || version === undefined || sha256 === undefined) return [];
    return [{ name, version, sha256, depends: field('Depends') ?? '' }];
  });
}

/**
 * Compares two package versions as dpkg does: numeric parts by value, all others by letter, where `~` comes before
 * everything, even the end.
 */
export function compareVersions(a: string, b: string): number {
  const split = (version: string): [bigint, string, string] => {
    const [, epoch = '0', upstream = '', revision = ''] = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(version) ?? [];
    return [BigInt(epoch), upstream, revision];
  };
  const [left, right] = [split(a), split(b)];
  if (left[0] !== right[0]) return left[0] < right[0] ? -1 : 1;
  return compareParts(left[1], right[1]) || compareParts(left[2], right[2]);
}

function compareParts(a: string, b: string): number {
  const parts = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  // A part of letters comes first, even if it is empty, so that letters are compared with letters.
  const [left, right] = [a, b].map((text) => (/^\d/.test(text) ? ['', ...parts(text)] : parts(text))) as [
    string[],
    string[],
  ];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x = '', y = ''] = [left[i], right[i]];
    const order = i % 2 === 0 ? compareLetters(x, y) : Math.sign(Number(BigInt(x || '0') - BigInt(y || '0')));
    if (order !== 0) return order;
  }
  return 0;
}

function compareLetters(a: string, b: string): number {
  const weight = (char: string | undefined): number => {
    if (char === '~') return -1;
    if (char === undefined) return 0;
    return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
  };
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = weight(a[i]) - weight(b[i]);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}
