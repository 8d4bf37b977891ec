/** The time in the registers of an MC146818: BCD or binary, with hours up to 12 or 24. */

/** Offsets of the registers that hold the time. */
export const Time = {
  Second: 0x00,
  Minute: 0x02,
  Hour: 0x04,
  Weekday: 0x06,
  Day: 0x07,
  Month: 0x08,
  Year: 0x09,
  /** Not of the MC146818, but of every PC. */
  Century: 0x32,
} as const;

export const timeOffsets: ReadonlySet<number> = new Set(Object.values(Time));

/** How register B has the time written. */
export interface TimeFormat {
  readonly isBinary: boolean;
  readonly is24Hour: boolean;
}

const pm = 0x80;

/** Writes a time, in seconds since 1970, into the registers. */
export function storeTime(registers: Uint8Array, seconds: number, format: TimeFormat): void {
  const date = new Date(seconds * 1000);
  const hour = date.getUTCHours();
  const year = date.getUTCFullYear();
  const put = (offset: number, value: number): void => {
    registers[offset] = format.isBinary ? value : toBcd(value);
  };
  put(Time.Second, date.getUTCSeconds());
  put(Time.Minute, date.getUTCMinutes());
  put(Time.Hour, format.is24Hour ? hour : hour % 12 || 12);
  if (!format.is24Hour && hour >= 12) registers[Time.Hour] = (registers[Time.Hour] as number) | pm;
  put(Time.Weekday, date.getUTCDay() + 1);
  put(Time.Day, date.getUTCDate());
  put(Time.Month, date.getUTCMonth() + 1);
  put(Time.Year, modulo(year, 100));
  put(Time.Century, modulo(Math.floor(year / 100), 100));
}

/**
 * The time in the registers, in seconds since 1970; undefined if one of them has no value of its kind. A day that its
 * month lacks counts on into the next month. The weekday is not used.
 */
export function timeOf(registers: Uint8Array, format: TimeFormat): number | undefined {
  const get = (offset: number, low: number, high: number): number =>
    within(fromByte(registers[offset] as number, format.isBinary), low, high);
  const second = get(Time.Second, 0, 59);
  const minute = get(Time.Minute, 0, 59);
  const hour = hourOf(registers[Time.Hour] as number, format);
  const day = get(Time.Day, 1, 31);
  const month = get(Time.Month, 1, 12);
  const year = 100 * get(Time.Century, 0, 99) + get(Time.Year, 0, 99);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const seconds = date.getTime() / 1000;
  return Number.isNaN(seconds) ? undefined : seconds;
}

/** 0 to 23; NaN for what is no hour. */
export function hourOf(byte: number, { isBinary, is24Hour }: TimeFormat): number {
  if (is24Hour) return within(fromByte(byte, isBinary), 0, 23);
  const hour = within(fromByte(byte & ~pm, isBinary), 1, 12);
  return (hour % 12) + ((byte & pm) !== 0 ? 12 : 0);
}

/** The number in a register; NaN for what is no BCD. */
export function fromByte(byte: number, isBinary: boolean): number {
  if (isBinary) return byte;
  return (byte & 0x0f) > 9 || byte >>> 4 > 9 ? Number.NaN : (byte >>> 4) * 10 + (byte & 0x0f);
}

/** `value`, or NaN. */
export function within(value: number, low: number, high: number): number {
  return value >= low && value <= high ? value : Number.NaN;
}

function toBcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10);
}

function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}
