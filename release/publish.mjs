// What a registry has, and adding a package to it.
import { execFileSync } from 'node:child_process';

export async function isPublished(name, version, registry) {
  const base = registry ?? execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const answer = await fetch(new URL(name.replace('/', '%2f'), base));
  if (answer.status === 404) return false;
  if (!answer.ok) throw new Error(`the registry answers ${answer.status} when asked for ${name}`);
  return version in (await answer.json()).versions;
}

/** Publishes a folder. Its manifest asks for provenance, which a registry on this machine cannot have. */
export function publish(folder, registry) {
  const provenance = isLocal(registry) ? ['--provenance=false'] : [];
  execFileSync('npm', ['publish', folder, ...to(registry), ...provenance], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function to(registry) {
  return registry === undefined ? [] : ['--registry', registry];
}

function isLocal(registry) {
  return registry !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(registry).hostname);
}
