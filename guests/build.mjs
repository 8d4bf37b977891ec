// Assembles the guests of this folder, and those of the other architectures, with GNU as and ld. `node
// guests/build.mjs` writes the flat binaries next to their sources. `--check` only compares, and fails if one differs.
// If the assembler of another architecture is not installed, its guests are skipped with a message; with `--all` that
// is an error.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** The load address of every guest, which is kvm-cli's default. */
const loadAddress = '0x1000';

/** For each architecture: the folder of its guests, the tools, and the Debian package of the tools. */
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
  // The assembler looks for included files in the working directory first.
  tool(as, ['--fatal-warnings', '-o', object, `${name}.s`], folder);
  tool(ld, [`-Ttext=${loadAddress}`, '-e', 'start', '-o', linked, object], folder);
  tool(objcopy, ['-O', 'binary', linked, binary], folder);
  return readFileSync(binary);
}

/** The committed bytes; none for a new guest. */
function committed(path) {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Builds or checks the guests of one architecture. Returns how many are stale when checking. */
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
        process.stderr.write(`${shown} is stale: run \`node guests/build.mjs\`\n`);
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
    if (!['--check', '--all'].includes(flag)) throw new Error(`unknown argument ${flag}; known are --check and --all`);
  }
  for (const architecture of architectures) {
    const reason = missing(architecture);
    if (reason === undefined) {
      if (build(architecture, flags.has('--check')) > 0) process.exitCode = 1;
      continue;
    }
    const message = `\`${architecture.as[0]}\` is not installed (${reason}); Debian has it in ${architecture.package}`;
    if (flags.has('--all') || architecture.folder === '')
      throw new Error(`building guests needs GNU binutils: ${message}`);
    process.stderr.write(`guests/${architecture.folder}: skipped: ${message}\n`);
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
