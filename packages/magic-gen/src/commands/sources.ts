import { type Command, Option } from 'commander';
import { MagicGenError } from '../errors.js';
import type { HeaderSource } from '../headers/source.js';
import { interfaces } from '../interfaces/interfaces.js';

/** The options that name a source of headers. */
export interface SourceOptions {
  headers?: string;
  system?: boolean;
  deb?: string;
  kernel?: string;
  debian?: string;
  kernelVersion?: string;
}

/** Gives a command the options that name a source of headers. They exclude each other. */
export function withSources(command: Command): Command {
  const options = [
    new Option('--headers <dir>', 'a directory of headers, as `make headers_install` fills it'),
    new Option('--system', "the running system's headers, in /usr/include (default)"),
    new Option('--deb <file>', 'a linux-libc-dev package'),
    new Option('--kernel <tree>', "a kernel's source tree, whose `make headers` is run"),
    new Option('--debian <suite>', "the linux-libc-dev of one of Debian's suites, downloaded with apt"),
  ];
  const names = options.map((option) => option.attributeName());
  for (const option of options) {
    command.addOption(option.conflicts(names.filter((name) => name !== option.attributeName())));
  }
  return command.option('--kernel-version <release>', 'the kernel release of --headers without linux/version.h: 6.12');
}

/** Whether the options name a source. */
export function namesSource({ headers, system, deb, kernel, debian, kernelVersion }: SourceOptions): boolean {
  return [headers, system, deb, kernel, debian, kernelVersion].some((option) => option !== undefined);
}

/** The source that the options name; the system where they name none. */
export function sourceOf({ headers, deb, kernel, debian, kernelVersion }: SourceOptions): HeaderSource {
  if (headers !== undefined) {
    return { kind: 'directory', path: headers, ...(kernelVersion === undefined ? {} : { kernelVersion }) };
  }
  if (kernelVersion !== undefined) {
    throw new MagicGenError('--kernel-version goes with --headers: other sources state their kernel');
  }
  if (deb !== undefined) return { kind: 'deb', path: deb };
  if (kernel !== undefined) return { kind: 'kernel', path: kernel };
  if (debian !== undefined) return { kind: 'debian', suite: debian };
  return { kind: 'system' };
}

/** Gives a command the option for one interface. */
export function withInterface(command: Command): Command {
  return command.option('--interface <name>', `the interface: ${names()}`, 'kvm');
}

/** Gives a command the option for several interfaces. */
export function withInterfaces(command: Command, standard = 'kvm'): Command {
  return command.option('--interface <names>', `interfaces: a,b or all, of ${names()}`, standard);
}

function names(): string {
  return interfaces.map(({ name }) => name).join(', ');
}

/** Gives a command the option for one architecture. */
export function withArch(command: Command): Command {
  return command.option('--arch <name>', "the architecture, by the kernel's name for it", 'x86');
}

/** Gives a command the option for several architectures. */
export function withArchs(command: Command): Command {
  return command.option('--arch <names>', "architectures, by the kernel's names for them: a,b or all", 'x86');
}
