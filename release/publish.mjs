// What a registry has, and adding a package to it.
import { execFileSync } from 'node:child_process';

export async function isPublished(name, version, registry) {
  const answer = await fetch(new URL(name.replace('/', '%2f'), registry));
  if (answer.status === 404) return false;
  if (!answer.ok) throw new Error(`the registry answers ${answer.status} when asked for ${name}`);
  return version in (await answer.json()).versions;
}

/** The registry that npm is set up for. */
export function defaultRegistry() {
  return execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
}

/**
 * Publishes a folder.
 *
 * @param token proves to the registry who publishes. Without one, npm uses the identity of the workflow.
 */
export function publish(folder, registry, token) {
  const { host, hostname, pathname } = new URL(registry);
  // A manifest asks for provenance, which a registry on this machine cannot have.
  const local = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname) ? ['--provenance=false'] : [];
  const env = token ? { ...process.env, [`npm_config_//${host}${pathname}:_authToken`]: token } : process.env;
  const command = ['publish', folder, '--registry', registry, ...local];
  execFileSync('npm', command, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}
