/**
 * Loads packages that are installed where this code runs: native addons, which no bundle contains. An executable of
 * `bun build --compile` finds them from its own place, because its modules have none.
 */
export function requireInstalled(): NodeJS.Require {
  // Webpack would replace an imported createRequire.
  const { createRequire } = process.getBuiltinModule('node:module');
  const here: string | undefined = import.meta.url;
  if (here === undefined) throw new Error('there is no import.meta.url: a bundle has to be an ES module');
  return createRequire(here.startsWith('file:///$bunfs/') ? process.execPath : here);
}
