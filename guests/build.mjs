// Assembles each guest of this folder, and of those of other architectures, with GNU as and ld. `node guests/build.mjs` writes the
// flat binaries beside their sources; `--check` compares them instead, and fails where one differs. Guests of an architecture
// whose assembler is not here are left as they are, which is said, unless `--all` is given.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** Where every guest expects its first byte: kvm-cli's default, too. */
const loadAddress = '0x1000';

/** Where the guests of each architecture are, what builds them, and where Debian has that. */
const architectures = [
  { folder: '', as: ['as', '--64'], ld: ['ld', '-m', 'elf_x86_64'], objcopy: ['objcopy'], package: 'binutils' },
  {
    folder: 'arm64',
    as: ['aarch64-linux-gnu-as'],
    ld: ['aarch64-linux-gnu-ld'],
    objcopy: ['aarch64-linux-gnu-objcopy'],
    package: 'binutils-aarch64-linux-gnu',
  },
  {
    folder: 'riscv',
    as: ['riscv64-linux-gnu-as', '-march=rv64g'],
    ld: ['riscv64-linux-gnu-ld'],
    objcopy: ['riscv64-linux-gnu-objcopy'],
    package: 'binutils-riscv64-linux-gnu',
  },
  {
    folder: 'powerpc',
    as: ['powerpc64le-linux-gnu-as'],
    ld: ['powerpc64le-linux-gnu-ld'],
    objcopy: ['powerpc64le-linux-gnu-objcopy'],
    package: 'binutils-powerpc64le-linux-gnu',
  },
];

function tool([name, ...flags], args, cwd) {
  const { error, status, stderr } = spawnSync(name, [...flags, ...args], { encoding: 'utf8', cwd });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${name} failed:\n${stderr.trimEnd()}`);
}

function missing({ as }) {
  return spawnSync(as[0], ['--version']).error?.code;
}

function assemble({ as, ld, objcopy }, folder, name, scratch) {
  const object = join(scratch, `${name}.o`);
  const linked = join(scratch, `${name}.elf`);
  const binary = join(scratch, `${name}.bin`);
  // An assembler looks for what is included in the working directory first.
  tool(as, ['--fatal-warnings', '-o', object, `${name}.s`], folder);
  tool(ld, [`-Ttext=${loadAddress}`, '-e', 'start', '-o', linked, object], folder);
  tool(objcopy, ['-O', 'binary', linked, binary], folder);
  return readFileSync(binary);
}

/** The committed bytes; none for a guest that is new. */
function committed(path) {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The guests of one architecture; how many of them are not what their sources say. */
function build(architecture, check) {
  const folder = join(import.meta.dirname, architecture.folder);
  const names = readdirSync(folder).flatMap((file) => (file.endsWith('.s') ? [file.slice(0, -2)] : []));
  const scratch = mkdtempSync(join(tmpdir(), 'guests-'));
  let stale = 0;
  try {
    for (const name of names.sort()) {
      const path = join(folder, `${name}.bin`);
      const shown = relative(join(import.meta.dirname, '..'), path);
      const bytes = assemble(architecture, folder, name, scratch);
      if (committed(path).equals(bytes)) continue;
      if (check) {
        stale++;
        process.stderr.write(`${shown} is not what its source assembles to: run \`node guests/build.mjs\`\n`);
      } else {
        writeFileSync(path, bytes);
        process.stdout.write(`${shown}: ${bytes.length} bytes\n`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return stale;
}

const flags = new Set(process.argv.slice(2));
try {
  for (const flag of flags) {
    if (!['--check', '--all'].includes(flag))
      throw new Error(`unknown argument ${flag}; the only ones there are are --check and --all`);
  }
  for (const architecture of architectures) {
    const reason = missing(architecture);
    if (reason === undefined) {
      if (build(architecture, flags.has('--check')) > 0) process.exitCode = 1;
      continue;
    }
    const message = `\`${architecture.as[0]}\` is not here (${reason}): it is in Debian's ${architecture.package}`;
    if (flags.has('--all') || architecture.folder === '')
      throw new Error(`guests are assembled with GNU binutils, and ${message}`);
    process.stderr.write(`guests/${architecture.folder}: left alone, for ${message}\n`);
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
