import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * The exports of Node's own modules, without the namespace objects that `import` makes of them: filling these loads
 * streams for `node:fs` and much else, a tenth of the import of @kvm/core.
 */
const builtins = {
  name: 'builtins',
  generateBundle(_, chunks) {
    for (const chunk of Object.values(chunks)) {
      chunk.code = chunk.code
        .replaceAll(/^import \{([^}]*)\} from ("node:[^"]+");$/gm, (_, names, module) => {
          return `const {${names.replaceAll(' as ', ': ')}} = process.getBuiltinModule(${module});`;
        })
        .replaceAll(/^import (\w+) from ("node:[^"]+");$/gm, 'const $1 = process.getBuiltinModule($2);');
    }
  },
};

/**
 * Puts a file for each entry, and files for what entries share, in the place of a package's compiled JavaScript.
 *
 * @param here the folder of the package.
 * @param more entries beside those that package.json exports, as they lie in `src`: "x86/index".
 * @param plugins further plugins of rolldown.
 */
export async function bundlePackage(here, { more = [], plugins = [] } = {}) {
  const dist = join(here, 'dist');
  const { dependencies = {}, exports = {} } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const entries = [...exported(exports), ...more];
  for (const file of readdirSync(dist, { recursive: true })) if (file.endsWith('.js')) rmSync(join(dist, file));
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((name) => [name, join(here, 'src', `${name}.ts`)])),
    external: [/^node:/, /^@kvm\//, ...Object.keys(dependencies)],
    platform: 'node',
    transform: { target: 'node20' },
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    tsconfig: join(here, 'tsconfig.json'),
    plugins: [...plugins, builtins],
  });
  await bundle.write({
    dir: dist,
    format: 'esm',
    comments: false,
    chunkFileNames: 'shared/[name].js',
    // Short names for exports save nothing where their own names follow.
    minifyInternalExports: false,
  });
}

function exported(exports) {
  return Object.values(exports)
    .map((entry) => /^\.\/dist\/(.+)\.js$/.exec(entry.default ?? '')?.[1])
    .filter((name) => name !== undefined);
}
