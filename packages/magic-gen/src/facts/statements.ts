import { findInterface } from '../interfaces/interfaces.js';
import type { DocumentSection } from './document.js';
import type { FdKind } from './facts.js';

/** What a section of the document states, in the terms of the facts. What it does not state clearly is absent. */
export interface Statements {
  fd?: FdKind[];
  /** Empty where the document calls the ioctl basic. */
  capabilities?: string[];
  /** The kernel's names; null for all. */
  arch?: string[] | null;
  argument?: 'none';
  direction?: 'write' | 'read' | 'readwrite';
}

export function statementsOf({ fields }: DocumentSection): Statements {
  const field = (...names: string[]): string | undefined =>
    names.map((name) => fields.get(name)).find((value) => value);
  const type = field('type');
  const capability = field('capability', 'capabilities');
  const arch = field('architectures', 'architecture');
  return {
    ...(type === undefined ? {} : readType(type)),
    ...(capability === undefined ? {} : readCapability(capability)),
    ...(arch === undefined ? {} : readArchitectures(arch)),
    ...readParameters(field('parameters') ?? ''),
  };
}

function readType(text: string): Statements {
  const fd = (['system', 'vm', 'vcpu', 'device'] as const).filter((kind) =>
    new RegExp(`\\b${kind}\\b`, 'i').test(text),
  );
  return fd.length === 0 ? {} : { fd };
}

function readCapability(text: string): Statements {
  const capabilities = [...new Set([...text.matchAll(/\bKVM_CAP_[A-Z0-9_]+\b/g)].map(([name]) => name))];
  return capabilities.length > 0 || /\bbasic\b/.test(text) ? { capabilities } : {};
}

const spellings: Readonly<Record<string, string>> = { ppc: 'powerpc', i386: 'x86', x86_64: 'x86', s390x: 's390' };
const { architectures } = findInterface('kvm');
/** Architectures that KVM no longer supports; an older kernel's document may name them. */
const gone = ['arm', 'ia64'];

/** A list of names. Conditions beside a name ("if ...", "SEV enabled") are ignored. */
function readArchitectures(text: string): Statements {
  const plain = text.replace(/\([^)]*\)/g, ' ').trim();
  if (/^all$/i.test(plain)) return { arch: null };
  const words = plain.split(/[\s,/]+/).map((word) => spellings[word.toLowerCase()] ?? word.toLowerCase());
  const names = words.filter((word) => architectures.includes(word));
  if (/^all except\b/i.test(plain)) return { arch: architectures.filter((name) => !names.includes(name)) };
  if (/^any\b/i.test(plain)) return {};
  return names.length > 0 || words.every((word) => word === 'none' || gone.includes(word))
    ? { arch: architectures.filter((name) => names.includes(name)) }
    : {};
}

function readParameters(text: string): Statements {
  if (/^none\b/i.test(text)) return { argument: 'none' };
  const way = /\((in\/out|in|out)\)/.exec(text)?.[1];
  // Where one ioctl of a section takes what another returns, the text names more than one direction.
  if (way === undefined || [...text.matchAll(/\((?:in\/out|in|out)\)/g)].length > 1) return {};
  return { direction: way === 'in' ? 'write' : way === 'out' ? 'read' : 'readwrite' };
}
