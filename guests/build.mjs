// Assembles each guest of this folder with GNU as and ld. `node guests/build.mjs` writes the flat binaries beside their
// sources; `--check` compares them instead, and fails where one differs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where every guest expects its first byte: kvm-cli's default, too. */
const loadAddress = '0x1000';
const folder = import.meta.dirname;

function tool(name, args) {
  const { error, status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (error !== undefined)
    throw new Error(`guests are assembled with GNU binutils, and \`${name}\` is not here (${error.code})`);
  if (status !== 0) throw new Error(`${name} failed:\n${stderr.trimEnd()}`);
}

function assemble(name, scratch) {
  const object = join(scratch, `${name}.o`);
  const binary = join(scratch, `${name}.bin`);
  tool('as', ['--64', '--fatal-warnings', '-I', folder, '-o', object, join(folder, `${name}.s`)]);
  tool('ld', ['-m', 'elf_x86_64', `-Ttext=${loadAddress}`, '-e', 'start', '--oformat', 'binary', '-o', binary, object]);
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

function build(check) {
  const names = readdirSync(folder).flatMap((file) => (file.endsWith('.s') ? [file.slice(0, -2)] : []));
  const scratch = mkdtempSync(join(tmpdir(), 'guests-'));
  let stale = 0;
  try {
    for (const name of names.sort()) {
      const path = join(folder, `${name}.bin`);
      const bytes = assemble(name, scratch);
      if (committed(path).equals(bytes)) continue;
      if (check) {
        stale++;
        process.stderr.write(
          `guests/${name}.bin is not what guests/${name}.s assembles to: run \`node guests/build.mjs\`\n`,
        );
      } else {
        writeFileSync(path, bytes);
        process.stdout.write(`guests/${name}.bin: ${bytes.length} bytes\n`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return stale === 0;
}

const unknown = process.argv.slice(2).filter((argument) => argument !== '--check');
try {
  if (unknown.length > 0) throw new Error(`unknown argument ${unknown[0]}; the only one there is is --check`);
  if (!build(process.argv.includes('--check'))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
