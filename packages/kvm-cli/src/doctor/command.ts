import { KvmError } from '@kvm/core';
import pc from 'picocolors';
import { ExitStatus } from '../exit-status.js';
import { count } from '../output/count.js';
import { stdout } from '../output/stream-sink.js';
import { type BackendReport, chosenBackend, inspectBackends, runGuests } from './backends.js';
import { type DeviceReport, inspectDevice, inspectKvm, type KvmReport, whyNoKernels } from './host.js';

export interface DoctorFlags {
  device: string;
  json?: boolean;
}

/** The document of `--json`. */
interface Report {
  /** Whether guests run here, with the default backend. */
  readonly usable: boolean;
  /** If not, why, and what to do about it. */
  readonly problem: string | null;
  readonly node: string;
  readonly platform: string;
  readonly device: DeviceReport;
  readonly backends: readonly BackendReport[];
  readonly chosen: { readonly name: string | null; readonly why: string };
  readonly kvm: KvmReport | null;
  /** Why kernels such as Linux cannot run here, though small guests may; null if nothing is known. */
  readonly noKernels: string | null;
}

/** `kvm-cli doctor`: checks everything that a guest needs. */
export async function doctor(flags: DoctorFlags): Promise<number> {
  const report = await examine(flags.device);
  stdout.write(flags.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : text(report));
  return report.usable ? ExitStatus.Ok : ExitStatus.NoKvm;
}

async function examine(path: string): Promise<Report> {
  const device = inspectDevice(path);
  const loaded = inspectBackends();
  const chosen = chosenBackend();
  const kvm = chosen.name === null ? undefined : inspectKvm(path, chosen.name);
  const opened = kvm !== undefined && !(kvm instanceof KvmError);
  const backends = opened ? await runGuests(path, loaded) : loaded;
  const guest = backends.find(({ name }) => name === chosen.name)?.guest;
  return {
    usable: guest?.ok === true,
    problem: kvm instanceof KvmError ? kvm.message : chosen.name === null ? chosen.why : (guest?.error ?? null),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    device,
    backends,
    chosen,
    kvm: opened ? kvm : null,
    noKernels: whyNoKernels() ?? null,
  };
}

function text({ usable, problem, node, platform, device, backends, chosen, kvm, noKernels }: Report): string {
  const lines = [
    line(true, 'Node', `${node} on ${platform}`),
    line(device.permitted, 'device', deviceText(device)),
    ...(device.modules === null
      ? []
      : [line(device.modules.length > 0, 'modules', device.modules.join(', ') || 'no KVM module')]),
  ];
  if (kvm !== null) {
    lines.push(line(true, 'API', `version ${kvm.apiVersion}, ${kvm.vcpuMmapSize} bytes mapped per vCPU`));
    const all = Object.entries(kvm.capabilities);
    lines.push(line(true, 'has', all.flatMap(([name, value]) => (value > 0 ? `${name} ${value}` : [])).join(', ')));
    const lacking = all.filter(([, value]) => value <= 0);
    if (lacking.length > 0) lines.push(line(false, 'lacks', lacking.map(([name]) => name).join(', ')));
  }
  for (const { name, version, error, guest } of backends) {
    lines.push(line(error === null, name, error ?? `loads: ${version}`));
    if (guest !== null) {
      const ran = `guest ran: ${count(guest.exits, 'exit')} in ${(guest.seconds * 1000).toFixed(1)} ms`;
      lines.push(line(guest.ok, '', guest.ok ? ran : `guest failed: ${guest.error}`));
    }
  }
  lines.push(
    line(chosen.name !== null, 'backend', chosen.name === null ? chosen.why : `${chosen.name}: ${chosen.why}`),
  );
  if (noKernels !== null) lines.push(line(false, 'kernels', noKernels));
  lines.push('', usable ? pc.green('KVM is ready.') : pc.red(`KVM cannot be used: ${problem}`), '');
  return lines.join('\n');
}

function deviceText({ path, exists, permitted }: DeviceReport): string {
  if (!exists) return `${path} does not exist`;
  return `${path}, ${permitted ? 'accessible' : 'permission denied'}`;
}

function line(good: boolean, name: string, text: string): string {
  return `${good ? pc.green('ok') : pc.red('--')}  ${name.padEnd(8)} ${text}`;
}
