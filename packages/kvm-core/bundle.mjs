import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * The package's JavaScript: a file for each of its entries, and for what they share. Loading the hundred source files
 * as separate modules took longer than running them.
 */

const here = import.meta.dirname;
const { exports } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const dist = join(here, 'dist');

/** "x86/index": where an entry of the package lies in `src` and, built, in `dist`. */
const entries = Object.values(exports)
  .map((entry) => /^\.\/dist\/(.+)\.js$/.exec(entry.default ?? '')?.[1])
  .filter((name) => name !== undefined);

for (const file of readdirSync(dist, { recursive: true })) if (file.endsWith('.js')) rmSync(join(dist, file));

/**
 * The namespace object of a module. rolldown gives it a getter for each export, and defining these takes a fifth of the
 * import. The exports of these modules never change.
 */
const plainNamespaces = {
  name: 'plain-namespaces',
  generateBundle(_, chunks) {
    for (const [name, chunk] of Object.entries(chunks)) {
      chunk.code = chunk.code
        .replaceAll(/__exportAll\(\{([^}]*)\}\)/g, (_, getters) => {
          const members = getters.replaceAll(/: \(\) => /g, ': ');
          return `/* @__PURE__ */ Object.freeze({ __proto__: null,${members}})`;
        })
        // What is left of the runtime: its definition, in one chunk, and its name in imports and exports.
        .replace(/^import "node:module";\n(?=\/\/ \\0rolldown)/m, '')
        .replace(/^\/\/ \\0rolldown\/runtime\.js\n(?:var|\t|\}).*\n(?:(?:var|\t|\}).*\n)*/m, '')
        .replaceAll(/\b__exportAll, /g, '')
        // Nothing shared has side effects.
        .replaceAll(/^import "\.\/[^"]+";\n/gm, '')
        // The comments are gone, and this one is for another bundler.
        .replace('import(order.handlers)', 'import(/* webpackIgnore: true */ order.handlers)');
      if (/__exportAll|rolldown-runtime/.test(chunk.code))
        throw new Error(`${name}: rolldown writes namespaces otherwise`);
    }
  },
};

const bundle = await rolldown({
  input: Object.fromEntries(entries.map((name) => [name, join(here, 'src', `${name}.ts`)])),
  external: [/^node:/],
  platform: 'node',
  resolve: { extensionAlias: { '.js': ['.ts'] } },
  tsconfig: join(here, 'tsconfig.json'),
  plugins: [plainNamespaces],
});
await bundle.write({
  dir: dist,
  format: 'esm',
  comments: false,
  chunkFileNames: 'shared/[name].js',
  // Short names for exports save nothing where their own names follow.
  minifyInternalExports: false,
});
