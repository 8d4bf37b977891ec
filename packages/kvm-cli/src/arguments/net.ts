import type { MachineDocument } from '@kvm/vmm';
import { InvalidArgumentError } from 'commander';

type Net = NonNullable<MachineDocument['net']>[number];
type Draft<N = Net> = N extends Net ? { -readonly [K in keyof N]: N[K] } : never;

const usage =
  'A network is tap0 or tap:NAME, passt, socket:PATH or none, with ,mac=ADDRESS and ,mtu=BYTES behind it; ' +
  'passt has ,port=8080:80 and ,host-loopback, a socket ,listen.';

/**
 * A network: `tap0`, `tap:NAME`, `passt,port=8080:80`, `socket:PATH,listen`, each with `mac=` and `mtu=`. Adds it to
 * the others. `none` is none at all, whatever a file says.
 */
export function parseNet(text: string, others: readonly Net[] = []): Net[] {
  if (text === 'none') return [];
  const [kind = '', ...words] = text.split(',');
  const net = netOf(kind);
  for (const word of words) if (!take(word, net)) throw new InvalidArgumentError(usage);
  return [...others, net];
}

function netOf(kind: string): Draft {
  if (kind === 'passt') return { type: 'passt' };
  const [, type, rest] = /^(tap|socket):(.+)$/.exec(kind) ?? [];
  if (type === 'socket') return { type, path: rest as string };
  const name = rest ?? kind;
  if (name === '' || name.includes(':')) throw new InvalidArgumentError(usage);
  return { type: 'tap', name };
}

/** Takes an option of a network. Returns false for what is none. The check of the whole document looks at values. */
function take(word: string, net: Draft): boolean {
  const [name, ...rest] = word.split('=');
  const value = rest.join('=');
  if (name === 'mac') net.mac = value;
  else if (name === 'mtu' && /^[0-9]{1,9}$/.test(value)) net.mtu = Number(value);
  else if (net.type === 'passt' && name === 'port') net.ports = [...(net.ports ?? []), value];
  else if (net.type === 'passt' && word === 'host-loopback') net.hostLoopback = true;
  else if (net.type === 'socket' && word === 'listen') net.listen = true;
  else return false;
  return true;
}
