/** Quotes a word for a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The script for the machine's shell: the command, in its folder, with a few of the host's variables. */
export function scriptFor(
  command: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>>,
): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [...exports, `cd ${quoted(folder)} || exit 1`, `exec ${command.map(quoted).join(' ')}`, ''].join('\n');
}
