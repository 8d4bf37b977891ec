import type { Model } from '../model/model.js';
import { capabilityFacts } from './capabilities.js';
import { type DocumentSection, readDocument } from './document.js';
import { ioctlFacts } from './ioctls.js';
import { type Statements, statementsOf } from './statements.js';

/** The document and the facts disagree about a name. The kernel's code decides. */
export interface Disagreement {
  name: string;
  about: string;
  document: string;
  facts: string;
  /** The line of the document. */
  line: number;
}

/** Compares what the document states with the tables of facts. */
export function findDisagreements(text: string, model: Model): Disagreement[] {
  return readDocument(text).flatMap((section) =>
    section.names.flatMap((name) =>
      name.startsWith('KVM_CAP_') ? ofCapability(name, section) : ofIoctl(name, section, model),
    ),
  );
}

function ofIoctl(name: string, section: DocumentSection, model: Model): Disagreement[] {
  if (section.chapter !== 4) return [];
  const facts = ioctlFacts[name];
  const ioctl = [...model.ioctls, ...model.foreignIoctls].find((each) => each.name === name);
  if (ioctl === undefined) return [];
  if (facts === undefined) return [{ name, about: 'entry', document: 'described', facts: 'none', line: section.line }];
  const stated = statementsOf(section);
  const own = [facts.capability, ...Object.values(facts.capabilityOn ?? {})].filter((each) => each !== undefined);
  return [
    ...differ(name, 'kinds of descriptor', stated.fd, facts.fd, section),
    ...differ(name, 'architectures', archOf(stated), facts.arch ?? ['all'], section),
    // A section may name the capabilities of several ioctls; one of them is enough.
    ...(own.length > 0 && own.every((each) => stated.capabilities?.includes(each))
      ? []
      : differ(name, 'capability', stated.capabilities, own, section)),
    ...(stated.argument === 'none' && facts.argument !== 'none' && ioctl.direction !== 'none'
      ? [{ name, about: 'argument', document: 'none', facts: ioctl.direction, line: section.line }]
      : []),
    ...(facts.argument === undefined
      ? differ(name, 'direction', stated.direction && [stated.direction], [facts.direction ?? ioctl.direction], section)
      : []),
  ];
}

function ofCapability(name: string, section: DocumentSection): Disagreement[] {
  const facts = capabilityFacts[name];
  const stated = statementsOf(section);
  if (facts === undefined) return [{ name, about: 'entry', document: 'described', facts: 'none', line: section.line }];
  const enable = enabledOn(section);
  return [
    ...(enable?.every((kind) => facts.enable?.some((each) => each === kind))
      ? []
      : differ(name, 'enabled on', enable, facts.enable ?? [], section)),
    ...differ(name, 'architectures', archOf(stated), facts.arch ?? ['all'], section),
  ];
}

/** The chapter decides, unless a field does. */
function enabledOn({ chapter, fields }: DocumentSection): string[] | undefined {
  const target = `${fields.get('target') ?? ''} ${fields.get('type') ?? ''}`;
  const named = ['vcpu', 'vm'].filter((kind) => new RegExp(`\\b${kind}\\b`, 'i').test(target));
  if (chapter !== 6 && chapter !== 7) return undefined;
  if (named.length > 0) return named;
  return chapter === 6 ? ['vcpu'] : ['vm'];
}

function archOf({ arch }: Statements): readonly string[] | undefined {
  return arch === null ? ['all'] : arch;
}

function differ(
  name: string,
  about: string,
  document: readonly string[] | undefined,
  facts: readonly string[],
  { line }: DocumentSection,
): Disagreement[] {
  if (document === undefined) return [];
  const plain = (list: readonly string[]): string => list.toSorted().join(', ') || 'none';
  return plain(document) === plain(facts)
    ? []
    : [{ name, about, document: plain(document), facts: plain(facts), line }];
}
