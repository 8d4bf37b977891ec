import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What every monitor boots. */
export interface Guest {
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  readonly cpus: number;
  /** MiB. */
  readonly memory: number;
}

export interface Monitor {
  readonly name: string;
  readonly command: (guest: Guest) => readonly string[];
}

const cli = new URL('../../../packages/kvm-cli/dist/main.js', import.meta.url).pathname;

function ours({ kernel, initrd, cmdline, cpus, memory }: Guest): string[] {
  const guest = [kernel, '--initrd', initrd, '--cmdline', cmdline, '--cpus', `${cpus}`, '--mem', `${memory}M`];
  return [process.execPath, cli, 'run', ...guest, '--no-stdin'];
}

const qemu = 'qemu-system-x86_64';

/** QEMU without the devices that a machine has by default. An uncompressed kernel is booted by PVH. */
function qemuOf(machine: string): Monitor['command'] {
  return ({ kernel, initrd, cmdline, cpus, memory }) => {
    const bare = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'];
    const size = ['-m', `${memory}`, '-smp', `${cpus}`];
    const guest = ['-kernel', kernel, '-initrd', initrd, '-append', cmdline];
    return [qemu, '-accel', 'kvm', '-cpu', 'host', '-M', machine, ...bare, ...size, ...guest];
  };
}

function kvmtool({ kernel, initrd, cmdline, cpus, memory }: Guest): string[] {
  const guest = ['--kernel', kernel, '--initrd', initrd, '--params', cmdline];
  return ['lkvm', 'run', ...guest, '--cpus', `${cpus}`, '--mem', `${memory}`, '--network', 'mode=none'];
}

const all: readonly (Monitor & { readonly program: string })[] = [
  { name: 'kvm-cli', program: process.execPath, command: ours },
  { name: 'QEMU microvm', program: qemu, command: qemuOf('microvm,acpi=on,rtc=on') },
  { name: 'QEMU pc', program: qemu, command: qemuOf('pc') },
  { name: 'QEMU q35', program: qemu, command: qemuOf('q35') },
  { name: 'kvmtool', program: 'lkvm', command: kvmtool },
];

/** The monitors that are installed here, and the names of those that are not. */
export function monitors(): { readonly present: readonly Monitor[]; readonly missing: readonly string[] } {
  const present = all.filter(({ program }) => isInstalled(program));
  return { present, missing: all.filter((each) => !present.includes(each)).map(({ name }) => name) };
}

function isInstalled(program: string): boolean {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
