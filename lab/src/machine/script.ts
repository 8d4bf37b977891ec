/** A word as a shell takes it, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What the machine's shell runs: the command, in its folder, with a few of the host's variables. */
export function scriptFor(
  command: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>>,
): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [...exports, `cd ${quoted(folder)} || exit 1`, `exec ${command.map(quoted).join(' ')}`, ''].join('\n');
}
