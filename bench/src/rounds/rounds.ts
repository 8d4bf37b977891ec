import type { Case } from '../cases.js';
import type { Contender } from './contender.js';
import { type Summary, summary } from './statistics.js';

/** The results of a contender in a case, as ratios to the baseline's window of the same round. */
export interface Result {
  readonly contender: string;
  readonly ratio: Summary;
  /** The median duration of one turn in nanoseconds. */
  readonly nanoseconds: number;
  /** How many more one turn takes than the baseline's of the same round, in the median. */
  readonly overBaseline: number;
}

export interface Effort {
  /** The rounds of one case. A round is one window of every contender. */
  readonly rounds: number;
  /** The duration of the baseline's window in milliseconds. */
  readonly window: number;
}

/**
 * Runs a case in every contender in turns. Windows are short and alternate, so that a longer disturbance of the machine
 * affects all contenders. The ratio is taken within a round.
 */
export async function measure(
  { name, kind, count }: Case,
  all: readonly Contender[],
  { rounds, window }: Effort,
): Promise<Result[]> {
  const contenders: Contender[] = [];
  for (const each of all) if (await each.has(name)) contenders.push(each);
  const [baseline] = contenders as [Contender];
  const turns = count ?? (await turnsFor(baseline, name, window));
  for (const contender of contenders) await warmUp(contender, name, turns);
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      // The order rotates, so that no contender is always the first after a pause.
      const at = (i + round) % contenders.length;
      times[at]?.push(await (contenders[at] as Contender).measure(name, turns));
    }
  }
  const base = times[0] as number[];
  const per = kind === 'sum' ? turns : 1;
  return contenders.map((contender, i) => {
    const own = times[i] as number[];
    return {
      contender: contender.name,
      ratio: summary(own.map((time, round) => time / (base[round] as number))),
      nanoseconds: summary(own).median / per,
      overBaseline: summary(own.map((time, round) => time - (base[round] as number))).median / per,
    };
  });
}

/** The warm-up of a contender in milliseconds. The compilers must have seen the loop and everything that it calls. */
const warmth = 1500;

async function warmUp(contender: Contender, name: string, turns: number): Promise<void> {
  const end = performance.now() + warmth;
  do await contender.measure(name, turns);
  while (performance.now() < end);
}

/** The number of turns that fill a window of the baseline. */
async function turnsFor(baseline: Contender, name: string, window: number): Promise<number> {
  let turns = 8;
  for (;;) {
    const nanoseconds = await baseline.measure(name, turns);
    if (nanoseconds > window * 1e5) return Math.max(8, Math.round((turns * window * 1e6) / nanoseconds));
    turns *= 4;
  }
}
