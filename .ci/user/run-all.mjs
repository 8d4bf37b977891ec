// Runs programs one after the other and prints their results as JSON, a line each. A lab boots once for all of them.
//
//     node run-all.mjs FILE    a list of { name, folder, command }
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { FORCE_COLOR: _, ...env } = process.env;
for (const { name, folder, command } of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  const [program, ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  process.stdout.write(`${JSON.stringify({ name, status, stdout, stderr })}\n`);
}
