import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tool } from './tool.js';

export interface Registry {
  readonly url: string;
  stop(): void;
}

/** Starts a registry on this machine. It keeps `@kvm/*` below `folder` and passes on what else is asked for. */
export async function startRegistry(folder: string): Promise<Registry> {
  // Later versions need Node 22; with other versions of node-fetch it does not install.
  const verdaccio = tool('verdaccio-6.8.0', 'verdaccio', '6.8.0', { 'node-fetch': '2.7.0' });
  const url = `http://127.0.0.1:${await freePort()}/`;
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'config.yaml');
  // YAML contains JSON.
  writeFileSync(
    config,
    JSON.stringify({
      storage: join(folder, 'storage'),
      listen: new URL(url).host,
      uplinks: { upstream: { url: upstream, cache: false } },
      packages: {
        '@kvm/*': { access: '$all', publish: '$anonymous' },
        '**': { access: '$all', proxy: 'upstream' },
      },
      max_body_size: '50mb',
      log: { type: 'stdout', level: 'error' },
    }),
  );
  const server = spawn(process.execPath, [join(verdaccio, 'bin/verdaccio'), '--config', config], { stdio: 'ignore' });
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`${url}-/ping`).catch(() => undefined);
    if (answer?.ok) return { url, stop: () => server.kill() };
    if (attempt === 300 || server.exitCode !== null) throw new Error('the local registry does not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
