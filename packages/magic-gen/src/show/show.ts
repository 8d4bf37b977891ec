import { MagicGenError } from '../errors.js';
import { sinceText } from '../history/versions.js';
import { hasName } from '../model/lookup.js';
import type { Dated, Model } from '../model/model.js';
import { constantCells, functionCells, ioctlCells, type NamedCells } from './cells.js';
import { layoutRows } from './layout.js';
import { mergeRows } from './merge.js';
import { similarNames } from './suggest.js';
import { type Column, formatTable } from './table.js';

/** One architecture of the table, and the heading of its column. */
export interface Shown {
  heading: string;
  model: Model;
}

/**
 * The layout of a struct, an ioctl, a constant or a function as a table, with architectures side by side.
 *
 * @throws MagicGenError where no model has the name.
 */
export function show(name: string, shown: readonly Shown[]): string {
  const plain = name.replace(/^(?:struct|union)\s+/, '');
  if (shown.some(({ model }) => model.records.some((record) => record.name === plain))) return showRecord(plain, shown);
  const readers: ((name: string, model: Model) => NamedCells | undefined)[] = [
    ioctlCells,
    constantCells,
    functionCells,
  ];
  for (const read of readers) {
    const found = shown.map(({ model }) => read(plain, model));
    if (found.some((each) => each !== undefined)) return showCells(plain, shown, found);
  }
  const close = similarNames(
    plain,
    shown.flatMap(({ model }) => namesOf(model)),
  );
  throw new MagicGenError(
    `no struct, ioctl, constant or function '${plain}'${close.length > 0 ? `; is it ${close.join(' or ')}?` : ''}`,
  );
}

function namesOf({ records, ioctls, foreignIoctls, constants, functions }: Model): string[] {
  const all = [...records, ...ioctls, ...foreignIoctls, ...constants, ...functions];
  return all.filter(hasName).map(({ name }) => name);
}

function showRecord(name: string, shown: readonly Shown[]): string {
  const records = shown.map(({ model }) => model.records.find((record) => record.name === name));
  const layouts = records.map((record, index) => {
    const model = shown[index]?.model;
    return record && model ? layoutRows(record, model) : [];
  });
  const rows = mergeRows(layouts).map(({ cells }) => {
    const present = cells.filter((cell) => cell !== undefined);
    const labels = [...new Set(present.map(({ label }) => label))].join(' | ');
    return [
      `${'  '.repeat(present[0]?.depth ?? 0)}${labels}`,
      ...cells.flatMap((cell) => [cell?.offset ?? '', cell?.size ?? '']),
      [...new Set(present.map(({ since }) => since))].join(' '),
    ];
  });
  const columns: Column[] = [
    { heading: '', align: 'left' },
    ...shown.flatMap(({ heading }): Column[] => [
      { heading, align: 'right' },
      { heading: 'size', align: 'right' },
    ]),
    { heading: '', align: 'left' },
  ];
  const totals = [
    ['size', ...records.flatMap((record) => ['', record ? `${record.size}` : 'none']), ''],
    ['aligned to', ...records.flatMap((record) => ['', record ? `${record.align}` : '']), ''],
  ];
  const first = records.find((record) => record !== undefined);
  const kind = first?.kind ?? 'struct';
  return `${kind} ${name}, ${about(shown, records)}\n${formatTable(columns, [...rows, ...totals])}`;
}

function showCells(name: string, shown: readonly Shown[], found: readonly (NamedCells | undefined)[]): string {
  const first = found.find((each) => each !== undefined);
  const labels = Object.keys(first?.cells ?? {});
  const rows = labels.map((label) => [label, ...found.map((each) => each?.cells[label] ?? '')]);
  const left = (heading: string): Column => ({ heading, align: 'left' });
  const isShared = ([, one, ...others]: string[]): boolean => others.every((other) => other === one);
  const differing = rows.filter((row) => !isShared(row));
  const items = found.map((each) => each?.item);
  return [
    `${first?.what ?? ''} ${name}, ${about(shown, items)}\n`,
    formatTable([left(''), left('')], rows.filter(isShared)),
    differing.length === 0 ? '' : formatTable([left(''), ...shown.map(({ heading }) => left(heading))], differing),
  ].join('');
}

/** Its header, its kernel, and since when it exists. */
function about(
  shown: readonly Shown[],
  items: readonly ((Dated & { origin: { file: string } }) | undefined)[],
): string {
  const files = [...new Set(items.flatMap((item) => item?.origin.file ?? []))].join(', ');
  const kernels = [...new Set(shown.map(({ model }) => model.kernel))].join(', ');
  const texts = new Map<string, string[]>();
  for (const [index, { heading, model }] of shown.entries()) {
    const since = items[index]?.since;
    if (since === undefined) continue;
    const text = sinceText(since, model.knownKernels ?? []);
    texts.set(text, [...(texts.get(text) ?? []), heading]);
  }
  const dates = [...texts].map(([text, headings]) => (texts.size > 1 ? `${text} (${headings.join(', ')})` : text));
  return [files, `Linux ${kernels}`, ...dates].join(', ');
}
