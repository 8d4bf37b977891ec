import { join } from 'node:path';

const sources = join(import.meta.dirname, 'bundle');

/** The entries of a bundle: the program, the file of its Workers, and its handlers. */
const entries = Object.fromEntries(
  ['program', 'worker', 'handlers'].map((name) => [name, join(sources, `${name}.mjs`)]),
);

/** How each bundler puts the package into a bundle in a folder, without the backends. docs/tsconfig.md has the same. */
export const bundlers = {
  async esbuild(outdir: string): Promise<void> {
    const { build } = await import('esbuild');
    const { warnings } = await build({
      entryPoints: Object.values(entries),
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      outdir,
      external: ['@kvm/native'],
      logLevel: 'silent',
    });
    refuse(warnings.map(({ text }) => text));
  },

  async rolldown(dir: string): Promise<void> {
    const { rolldown } = await import('rolldown');
    const warnings: string[] = [];
    const bundle = await rolldown({
      input: entries,
      platform: 'node',
      external: ['@kvm/native'],
      onLog: (_, { message }) => warnings.push(message),
    });
    await bundle.write({ dir, format: 'esm' });
    refuse(warnings);
  },

  async rollup(dir: string): Promise<void> {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const warnings: string[] = [];
    const bundle = await rollup({
      input: entries,
      external: ['@kvm/native'],
      plugins: [nodeResolve()],
      onLog: (_, { message }) => warnings.push(message),
    });
    await bundle.write({ dir, format: 'esm' });
    refuse(warnings);
  },

  async webpack(path: string): Promise<void> {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      entry: entries,
      mode: 'none',
      target: 'node20',
      output: { path, filename: '[name].js', module: true, chunkFormat: 'module', library: { type: 'module' } },
      experiments: { outputModule: true },
      optimization: { runtimeChunk: 'single', splitChunks: { chunks: 'all' } },
      module: { parser: { javascript: { importMeta: false, url: false } } },
    });
    const { errors = [], warnings = [] } = await new Promise<{ errors?: Problem[]; warnings?: Problem[] }>(
      (resolve, reject) => {
        compiler.run((error, stats) => (error ? reject(error) : resolve(stats?.toJson('errors-warnings') ?? {})));
      },
    );
    refuse([...errors, ...warnings].map(({ message }) => message));
  },
} as const;

interface Problem {
  readonly message: string;
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`the bundler complains: ${problems.join('\n')}`);
}
