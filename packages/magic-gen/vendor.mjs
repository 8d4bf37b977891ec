// Copies the parser and its C grammar from their packages into dist/tree-sitter. These packages have install scripts,
// which package managers block, so @kvm/magic-gen cannot depend on them.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const out = join(import.meta.dirname, 'dist/tree-sitter');
const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const name of ['tree-sitter', 'tree-sitter-c']) {
  const from = dirname(require.resolve(`${name}/package.json`));
  cpSync(join(from, 'LICENSE'), join(out, `LICENSE-${name}`));
  for (const platform of platforms) {
    cpSync(join(from, 'prebuilds', platform), join(out, platform), { recursive: true });
  }
}

// The only line that looks for the binary.
const lookup = "require('node-gyp-build')(__dirname)";
const code = readFileSync(require.resolve('tree-sitter'), 'utf8');
if (code.split(lookup).length !== 2) throw new Error(`tree-sitter has no ${lookup}: adapt this script`);
const own = code
  .replaceAll('./prebuilds/', './')
  .replace(lookup, `require(\`./\${process.platform}-\${process.arch}/tree-sitter.node\`)`);
writeFileSync(join(out, 'tree-sitter.cjs'), own);
