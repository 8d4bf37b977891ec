import { availableParallelism } from 'node:os';
import type { Architecture } from '../architecture/architecture.js';

/** The parts of a machine. */
export interface MachineParts {
  architecture: Architecture;
  /** The kernel and its initramfs. */
  image: string;
  initramfs: string;
  cpus: number;
  /** In MiB. */
  memory: number;
  /** Folders that are mounted over the host's files, the lowest first. */
  layers: readonly string[];
  /** Folders that the machine may write to. */
  shares: readonly string[];
  /** Whether the command has a terminal. */
  isTerminal: boolean;
  /** The port on which the machine waits for gdb. */
  gdbPort: number | undefined;
}

/** The descriptors of QEMU's ends of the channels. They are sockets, so no temporary files are needed. */
export const channels = { out: 3, err: 4, control: 5, console: 6, terminal: 7 } as const;

const unguarded = 'mitigations=off init_on_alloc=0';

/** QEMU's arguments. */
export function qemuArguments(parts: MachineParts): string[] {
  const { architecture, cpus } = parts;
  const socket = (name: keyof typeof channels): string[] => ['-chardev', `socket,id=${name},fd=${channels[name]}`];
  const folder = (tag: string, path: string, options: string): string[] => [
    ...['-fsdev', `local,id=${tag},path=${escaped(path)},security_model=none,multidevs=remap${options}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
  return [
    ...['-accel', `tcg,thread=${cpus > 1 && availableParallelism() > 1 ? 'multi' : 'single'}`],
    ...architecture.qemu.machine,
    ...['-m', `${parts.memory}`, '-smp', `${cpus}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', parts.image, '-initrd', parts.initramfs],
    // nokaslr is for gdb. A panic ends the machine at once. Mitigations only cost time here.
    ...['-append', `${architecture.commandLine} quiet panic=-1 ${unguarded} nokaslr random.trust_cpu=on`],
    ...[...socket('console'), '-serial', 'chardev:console'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...[...socket('out'), '-device', 'virtserialport,chardev=out,nr=1'],
    ...[...socket('err'), '-device', 'virtserialport,chardev=err,nr=2'],
    ...[...socket('control'), '-device', 'virtserialport,chardev=control,nr=3'],
    ...(parts.isTerminal ? [...socket('terminal'), '-device', 'virtconsole,chardev=terminal,nr=0'] : []),
    ...folder('root', '/', ',readonly=on'),
    ...parts.layers.flatMap((path, index) => folder(`layer${index}`, path, ',readonly=on')),
    ...parts.shares.flatMap((path, index) => folder(`share${index}`, path, '')),
    ...(parts.gdbPort === undefined ? [] : ['-gdb', `tcp:127.0.0.1:${parts.gdbPort}`, '-S']),
  ];
}

/** A comma in the value of a QEMU option is doubled. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
