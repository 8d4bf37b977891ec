/** The files that become entries of a bundle, by their names there. */
type Entries = Readonly<Record<string, string>>;

/** How each bundler puts the package into a bundle in a folder, without the backends. docs/tsconfig.md has the same. */
export const bundlers = {
  async esbuild(entries: Entries, outdir: string): Promise<void> {
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

  async rolldown(entries: Entries, dir: string): Promise<void> {
    const { rolldown } = await import('rolldown');
    const warnings: string[] = [];
    const bundle = await rolldown({
      input: { ...entries },
      platform: 'node',
      external: ['@kvm/native'],
      onLog: (_, { message }) => warnings.push(message),
    });
    await bundle.write({ dir, format: 'esm' });
    refuse(warnings);
  },

  async rollup(entries: Entries, dir: string): Promise<void> {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const warnings: string[] = [];
    const bundle = await rollup({
      input: { ...entries },
      external: ['@kvm/native'],
      plugins: [nodeResolve()],
      onLog: (_, { message }) => warnings.push(message),
    });
    await bundle.write({ dir, format: 'esm' });
    refuse(warnings);
  },

  async webpack(entries: Entries, path: string): Promise<void> {
    const { default: webpack } = await import('webpack');
    const compiler = webpack({
      entry: { ...entries },
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
