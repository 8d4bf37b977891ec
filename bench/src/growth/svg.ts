/** A line through points, with a logarithmic x axis and a linear y axis. */
export interface Chart {
  readonly title: string;
  /** The quantity of the points and its unit. */
  readonly x: string;
  readonly y: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const width = 420;
const height = 260;
const left = 64;
const right = 16;
const top = 36;
const bottom = 44;

/** The charts, two in a row. */
export function page(charts: readonly Chart[], caption: string): string {
  const rows = Math.ceil(charts.length / 2);
  const drawn = charts.map(
    (chart, i) => `<g transform="translate(${(i % 2) * width}, ${Math.floor(i / 2) * height})">\n${draw(chart)}\n</g>`,
  );
  const viewBox = `0 0 ${2 * width} ${rows * height + 24}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped(charts.map(({ title }) => title).join('; '))}</title>`,
    `<rect width="${2 * width}" height="${rows * height + 24}" fill="white"/>`,
    ...drawn,
    `<text x="${width}" y="${rows * height + 14}" text-anchor="middle" fill="#555">${escaped(caption)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function draw({ title, x, y, points }: Chart): string {
  const xs = points.map((point) => Math.log2(point.x));
  const low = Math.min(...xs);
  const span = Math.max(...xs) - low || 1;
  const high = niceCeiling(Math.max(...points.map((point) => point.y)));
  const atX = (value: number): number => left + ((Math.log2(value) - low) / span) * (width - left - right);
  const atY = (value: number): number => height - bottom - (value / high) * (height - top - bottom);
  const places = points.map((point) => `${atX(point.x).toFixed(1)},${atY(point.y).toFixed(1)}`);
  return [
    `<text x="${left}" y="20" font-size="13">${escaped(title)}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].map((part) => {
      const level = atY(high * part).toFixed(1);
      return (
        `<line x1="${left}" x2="${width - right}" y1="${level}" y2="${level}" stroke="#ddd"/>` +
        `<text x="${left - 6}" y="${level}" dy="4" text-anchor="end">${short(high * part)}</text>`
      );
    }),
    ...points.map(
      (point) =>
        `<text x="${atX(point.x).toFixed(1)}" y="${height - bottom + 16}" text-anchor="middle">` +
        `${short(point.x)}</text>`,
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle" fill="#555">${escaped(x)}</text>`,
    `<text transform="translate(14, ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#555">` +
      `${escaped(y)}</text>`,
    `<polyline points="${places.join(' ')}" fill="none" stroke="#2563eb" stroke-width="2"/>`,
    ...places.map((place) => `<circle cx="${place.split(',')[0]}" cy="${place.split(',')[1]}" r="3" fill="#2563eb"/>`),
  ].join('\n');
}

/** Rounds up to 1, 2, 5, 10, 20 and so on. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return magnitude * ([1, 2, 5, 10].find((step) => step * magnitude >= value) as number);
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
