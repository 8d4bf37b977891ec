import { KvmError, type KvmOptions, pageSize } from '@kvm/core';
import { disksOf } from '../storage/disk-options.js';
import { targetOf } from '../virtio/balloon/target.js';
import { sharesOf } from '../virtio/fs/share-options.js';
import { checkNets } from '../virtio/net/net-options.js';
import type { NetOptions } from '../virtio/net/open-net.js';
import type { VirtioPlan } from '../virtio/plan.js';
import { type VsockSettings, vsockOf } from '../virtio/vsock/vsock-options.js';
import { type BoardModel, boardOf } from '../x86/board-model.js';
import { parseFeatures } from '../x86/cpu/feature-list.js';
import { type CpuTemplate, checkTemplate } from '../x86/cpu/template.js';
import { cpuTemplates } from '../x86/cpu/templates.js';
import { checkSchema, type NameOf } from './check-schema.js';
import type {
  BalloonModel,
  CpuModel,
  DeviceModule,
  DiskOptions,
  FlatBoot,
  LinuxBoot,
  MachineDocument,
  RngModel,
  ShareOptions,
} from './document.js';
import { ExitFilter } from './exit-filter.js';
import { machineSchema } from './schema.js';
import { sizeInBytes } from './size.js';

/** What a machine is made of: a document, and what only a program can give. */
export interface MachineOptions extends MachineDocument {
  /** Called with what devices of your own send by `context.post`, and their name. */
  readonly onMessage?: (message: unknown, device: string) => void;
  /**
   * Called with a description of each exit after it was handled, and the number of its processor; of those that `trace`
   * names, if it is given. If it returns a promise, that processor may wait for it.
   */
  readonly onExit?: (description: string, vcpu: number) => unknown;
  /**
   * The file that each Worker of the machine runs. The default is a file of the package. A program that bundles the
   * package needs its own file: an entry of the same bundle that is `export * from '@kvm/vmm/worker'`.
   */
  readonly workerUrl?: URL | string;
}

/** What a program may say anew of a machine that was saved; the rest is as it was. */
export interface RestoreOptions
  extends Pick<
    MachineOptions,
    'kvm' | 'disks' | 'shares' | 'net' | 'vsock' | 'trace' | 'onMessage' | 'onExit' | 'workerUrl'
  > {
  /**
   * Whether to compare the digest of the memory, for which all of it is read; default true. A program that restores one
   * snapshot many times needs it once.
   */
  readonly verify?: boolean;
}

/** Checked options. */
export interface Plan {
  readonly memorySize: number;
  readonly memoryFile: string | undefined;
  readonly cpus: number;
  readonly cpu: { readonly template: CpuTemplate | undefined; readonly features: string | undefined };
  readonly boot: LinuxBoot | FlatBoot;
  readonly board: BoardModel;
  readonly disks: readonly Required<DiskOptions>[];
  readonly shares: readonly Required<ShareOptions>[];
  readonly net: readonly NetOptions[];
  /** Those that are no more than their options. */
  readonly virtio: readonly VirtioPlan[];
  readonly console: 'serial' | 'virtio';
  /** The names of the ports. */
  readonly ports: readonly string[];
  /** The target in bytes, of whole pages. */
  readonly balloon: (Required<BalloonModel> & { readonly target: number }) | undefined;
  readonly vsock: VsockSettings | undefined;
  readonly transport: 'mmio' | 'pci';
  readonly modules: readonly { readonly url: string; readonly data: unknown }[];
  readonly onMessage: (message: unknown, device: string) => void;
  readonly onExit: ((description: string, vcpu: number) => unknown) | undefined;
  /** For `ExitFilter`. */
  readonly trace: string;
  readonly hugePages: boolean;
  readonly prefault: boolean;
  readonly kvm: KvmOptions | undefined;
  readonly workerUrl: URL;
}

/** Bytes a second. */
const defaultRngRate = machineSchema.properties.rng.anyOf[1].properties.bytesPerSecond.default;

/** As many as QEMU has. */
const mostPorts = 30;

const defaultMemory = { linux: machineSchema.properties.memory.default, flat: '16M' };

/**
 * Checks a document before there is a machine, such as one that was read from a file and changed by options of a
 * command line. `Machine.create` does so itself.
 *
 * @param name how an error names a place, by its path such as `devices[1].module`; the path of the whole is empty.
 * @returns the document, with the size of its memory in bytes.
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` that names what is wrong, its value and what is
 *   wanted.
 */
export function checkMachine(document: unknown, name: NameOf = wholeName): MachineDocument & { memory: number } {
  if (typeof name !== 'function') throw invalid('name must be a function');
  const { memorySize } = planMachine(document as MachineDocument, name);
  return { ...(document as MachineDocument), memory: memorySize };
}

const wholeName: NameOf = (path) => path || 'the options of a Machine';

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for options that cannot be. */
export function checkOptions(options: MachineOptions): Plan {
  // What is no object is refused by the schema.
  const isObject = typeof options === 'object' && options !== null;
  const { onMessage = () => {}, onExit, workerUrl, ...document } = isObject ? options : { boot: options };
  if (typeof onMessage !== 'function') throw invalid('onMessage must be a function');
  if (onExit !== undefined && typeof onExit !== 'function') throw invalid('onExit must be a function');
  const plan = planMachine(isObject ? document : options, wholeName);
  return { ...plan, onMessage, onExit, workerUrl: workerOf(workerUrl) };
}

/** The built file is found from the sources as well as from the built package, and is missing in a bundle. */
function workerOf(url: unknown = new URL('../../dist/machine/worker.js', import.meta.url)): URL {
  try {
    return new URL(url as URL | string);
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'workerUrl must be a URL', {
      cause,
      hint: "new URL('./worker.js', import.meta.url)",
    });
  }
}

function planMachine(document: MachineDocument, name: NameOf): Omit<Plan, 'onMessage' | 'onExit' | 'workerUrl'> {
  checkSchema(machineSchema, document, name);
  const { boot, memoryFile, cpus = 1, cpu = {}, disks = [], shares = [], net = [], rng = false } = document;
  const { devices = [], transport = 'mmio', hugePages = false, prefault = false, trace = 'all' } = document;
  const { console = 'serial', ports = [] } = document;
  const memorySize = wholePages(sizeInBytes(document.memory ?? defaultMemory[boot.type]), name('memory'));
  const board = boardOf(document, boot.type);
  if (board.interrupts === 'none' && cpus !== 1) {
    throw invalid(`${name('cpus')}: several processors need interrupt controllers to start`);
  }
  within(name('trace'), () => new ExitFilter(trace));
  return {
    memorySize,
    memoryFile,
    cpus,
    cpu: modelOf(cpu, name),
    // Of its command line, a unit test takes each word for the name of a part that it is to run.
    boot: board.machine === 'test' && boot.type === 'linux' ? { cmdline: '', ...boot } : boot,
    board,
    disks: disksOf(disks, name),
    shares: sharesOf(shares, name),
    net: checkNets(net, name),
    virtio: rngOf(rng),
    console,
    ports: portsOf(ports, name('ports')),
    balloon: balloonOf(document.balloon ?? false, memorySize, name),
    vsock: vsockOf(document.vsock ?? false, name),
    transport,
    modules: devices.map((device, i) => moduleOf(device, name(`devices[${i}].module`))),
    trace,
    hugePages,
    prefault,
    kvm: document.kvm,
  };
}

function wholePages(size: number, name: string): number {
  if (Number.isSafeInteger(size) && size >= pageSize && size % pageSize === 0) return size;
  const wanted = `whole pages of ${pageSize} bytes, at least one and fewer than 2^53 bytes`;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${name} must be ${wanted}, not ${size} bytes`);
}

/** The first word of a text is a template if it has no sign. */
function modelOf(cpu: CpuModel | string, name: NameOf): Plan['cpu'] {
  const model = splitModel(cpu, name);
  // Both are made of names that the schema does not know.
  within(name('cpu'), () => {
    if (model.template !== undefined) checkTemplate(model.template);
    if (model.features !== undefined) parseFeatures(model.features);
  });
  return model;
}

function splitModel(cpu: CpuModel | string, name: NameOf): Plan['cpu'] {
  if (typeof cpu !== 'string')
    return { template: templateOf(cpu.template, name('cpu.template')), features: cpu.features };
  const [first = '', ...rest] = cpu.split(',');
  if (/^\s*[+-]/.test(first)) return { template: undefined, features: cpu };
  return { template: templateOf(first, name('cpu')), features: rest.join(',') };
}

function templateOf(template: CpuTemplate | string | undefined, name: string): CpuTemplate | undefined {
  if (typeof template !== 'string') return template;
  if (Object.hasOwn(cpuTemplates, template)) return cpuTemplates[template];
  const known = Object.keys(cpuTemplates).join(', ');
  throw invalid(`${name}: there is no CPU template ${JSON.stringify(template.slice(0, 64))}; there are ${known}`);
}

function rngOf(rng: boolean | RngModel): VirtioPlan[] {
  if (rng === false) return [];
  const { bytesPerSecond = defaultRngRate } = rng === true ? {} : rng;
  return [{ kind: 'rng', bytesPerSecond }];
}

function portsOf(ports: readonly string[], name: string): readonly string[] {
  if (new Set(ports).size < ports.length) throw invalid(`${name} must be different names`);
  if (ports.length <= mostPorts) return ports;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${name} must be at most ${mostPorts} names, not ${ports.length}`);
}

function balloonOf(
  balloon: NonNullable<MachineDocument['balloon']>,
  memorySize: number,
  name: NameOf,
): Plan['balloon'] {
  if (balloon === false) return undefined;
  const model: BalloonModel = typeof balloon === 'object' ? balloon : { target: balloon === true ? 0 : balloon };
  const { target = 0, deflateOnOom = true, reporting = true } = model;
  const place = name(typeof balloon === 'object' ? 'balloon.target' : 'balloon');
  return { target: targetOf(target, memorySize, place), deflateOnOom, reporting };
}

function moduleOf({ module, data }: DeviceModule, name: string): { url: string; data: unknown } {
  try {
    return { url: new URL(module).href, data };
  } catch (cause) {
    const wanted = machineSchema.properties.devices.items.properties.module['x-wanted'];
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name} must be ${wanted}, not ${JSON.stringify(module)}`, {
      cause,
    });
  }
}

/** Has an error of a part begin with the part's name. */
function within(name: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    if (!(cause instanceof KvmError)) throw cause;
    throw new KvmError(cause.code, `${name}: ${cause.message}`, { cause });
  }
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
