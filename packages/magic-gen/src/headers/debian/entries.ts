/** Reads the archives that the system's apt uses, in both file formats. */

/** One archive of the system: what apt needs in order to query it for another suite. */
export interface ArchiveEntry {
  uri: string;
  suites: string[];
  /** The text after the field's name in deb822 format, verbatim; a key may take several lines. */
  signedBy: string | undefined;
  trusted: string | undefined;
}

/** `deb [signed-by=...] URI SUITE COMPONENT...` */
export function readOneLine(text: string): ArchiveEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line.replace(/#.*/, ''));
    if (!match) return [];
    const [, options = '', uri = '', suite = ''] = match;
    const option = (name: string): string | undefined =>
      new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(options)?.[1]?.replaceAll(',', ' ');
    return [{ uri, suites: [suite], signedBy: option('signed-by'), trusted: option('trusted') }];
  });
}

/** Paragraphs of `Types:`, `URIs:`, `Suites:`, `Components:`. */
export function readDeb822(text: string): ArchiveEntry[] {
  return text.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    const fields = readFields(paragraph);
    const words = (name: string): string[] => fields.get(name)?.trim().split(/\s+/) ?? [];
    if (!words('types').includes('deb') || /^(?:no|false|0|off|without|disable)$/i.test(words('enabled')[0] ?? '')) {
      return [];
    }
    const shared = { suites: words('suites'), signedBy: fields.get('signed-by'), trusted: fields.get('trusted') };
    return words('uris').map((uri) => ({ uri, ...shared }));
  });
}

/** A paragraph's fields by their names in lower case. A line that begins with a space continues the field. */
function readFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of paragraph.split('\n')) {
    if (line.startsWith('#')) continue;
    const field = /^([\w-]+):\s*(.*)$/.exec(line);
    if (field) {
      name = field[1]?.toLowerCase() ?? '';
      fields.set(name, field[2] ?? '');
    } else if (/^[ \t]/.test(line) && name !== undefined) {
      fields.set(name, `${fields.get(name)}\n${line}`);
    }
  }
  return fields;
}

/**
 * The archives that may have a suite, the most likely first. Security suites have an archive of their own.
 *
 * @param release The code name of the running system. Archives that have it are the distribution's; others may be
 * anyone's.
 */
export function archivesFor(suite: string, entries: readonly ArchiveEntry[], release: string): ArchiveEntry[] {
  const isSecurity = (name: string): boolean => /(?:-security|\/updates)$/.test(name);
  const general = ['stable', 'oldstable', 'oldoldstable', 'testing', 'unstable', 'sid', 'experimental'];
  const ours = (name: string): boolean =>
    name === suite || [release, ...general].some((known) => name === known || name.startsWith(`${known}-`));
  const found = entries.filter((entry) =>
    entry.suites.some((name) => name === suite || (ours(name) && isSecurity(name) === isSecurity(suite))),
  );
  const exact = found.filter(({ suites }) => suites.includes(suite));
  const seen = new Set<string>();
  return [...exact, ...found].filter(({ uri }) => {
    const plain = uri.replace(/\/$/, '');
    return !seen.has(plain) && seen.add(plain);
  });
}

/** An archive and a suite in deb822 format, for the given architectures. */
export function writeDeb822(
  { uri, signedBy, trusted }: ArchiveEntry,
  suite: string,
  architectures: readonly string[],
): string {
  return [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    'Components: main',
    `Architectures: ${architectures.join(' ')}`,
    ...(signedBy === undefined ? [] : [`Signed-By: ${signedBy}`]),
    ...(trusted === undefined ? [] : [`Trusted: ${trusted}`]),
    '',
  ].join('\n');
}
