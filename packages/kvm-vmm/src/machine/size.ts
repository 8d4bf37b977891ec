/** Bytes of a size as the schema of a machine has it: a number, or digits with a unit such as `512M`. */
export function sizeInBytes(size: number | string): number {
  if (typeof size === 'number') return size;
  const [, digits, unit = ''] = /^(0x[0-9a-f]+|[0-9]+)([kmgt]?)(?:i?b)?$/i.exec(size) ?? [];
  return Number(digits) * (units[unit.toLowerCase()] as number);
}

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
