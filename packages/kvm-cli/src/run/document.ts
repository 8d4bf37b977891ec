import { type MachineDocument, readMachine } from '@kvm/vmm';
import { type MachineFlag, machineFlags } from '../arguments/machine-flags.js';

/** The values of flags by the names that commander gives them. */
export type FlagValues = Readonly<Record<string, unknown>>;

/** A machine as a file and flags describe it, before it is known what it boots, and not checked yet. */
export interface Draft {
  /** What a file or flags have; not what boots. */
  readonly machine: Omit<MachineDocument, 'boot'>;
  /** What the file boots; undefined if it does not say so, or without a file. */
  readonly boot: Readonly<Record<string, unknown>> | undefined;
  /** What flags say of that. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** The flags that were given. */
  readonly given: readonly MachineFlag[];
  /** How an error names a place. */
  name(path: string): string;
}

/** Reads the file of `--config`, if there is one. Flags override it. */
export function draftOf(config: string | undefined, flags: FlagValues): Draft {
  const givenValue = ({ option }: MachineFlag): unknown => flags[option.attributeName()];
  const given = machineFlags.filter((flag) => givenValue(flag) !== undefined);
  const { boot, ...file }: Record<string, unknown> = config === undefined ? {} : { ...readMachine(config) };
  const changes: Record<string, unknown> = {};
  for (const flag of given) {
    const [first = '', second] = flag.path;
    if (first === 'boot') changes[second as string] = givenValue(flag);
    else
      file[first] =
        second === undefined ? givenValue(flag) : { ...(file[first] as object), [second]: givenValue(flag) };
  }
  return {
    machine: file,
    boot: boot as Draft['boot'],
    changes,
    given,
    name: (path) => {
      const flag = given.find((each) => each.path.join('.') === path);
      if (flag !== undefined) return flag.option.long ?? path;
      return config === undefined ? path : `${config}: ${path || 'the machine'}`;
    },
  };
}
