import { fromByte, hourOf, type TimeFormat, within } from './time.js';

/** Offsets of the registers that hold the time of the alarm. */
const Alarm = { Second: 0x01, Minute: 0x03, Hour: 0x05 } as const;

/** The top two bits of an alarm register: any value matches. */
const any = 0xc0;

/**
 * The first second after `after` in which the alarm goes off, both in seconds since 1970; undefined if the registers
 * hold a time that never comes.
 */
export function nextAlarm(registers: Uint8Array, after: number, format: TimeFormat): number | undefined {
  const wanted = (offset: number, decode: (byte: number) => number): number | undefined => {
    const byte = registers[offset] as number;
    return (byte & any) === any ? undefined : decode(byte);
  };
  const sixtieth = (byte: number): number => within(fromByte(byte, format.isBinary), 0, 59);
  const second = wanted(Alarm.Second, sixtieth);
  const minute = wanted(Alarm.Minute, sixtieth);
  const hour = wanted(Alarm.Hour, (byte) => hourOf(byte, format));
  if ([second, minute, hour].some(Number.isNaN)) return undefined;
  let time = after + 1;
  time += until(second, time, 60);
  const minutes = until(minute, Math.floor(time / 60), 60);
  // A later minute begins with the earliest second that matches, and a later hour with the earliest minute.
  if (minutes > 0) time = (Math.floor(time / 60) + minutes) * 60 + (second ?? 0);
  const hours = until(hour, Math.floor(time / 3600), 24);
  if (hours > 0) time = (Math.floor(time / 3600) + hours) * 3600 + (minute ?? 0) * 60 + (second ?? 0);
  return time;
}

/** How much later `now` is `wanted`, modulo `modulus`. */
function until(wanted: number | undefined, now: number, modulus: number): number {
  if (wanted === undefined) return 0;
  return (((wanted - now) % modulus) + modulus) % modulus;
}
