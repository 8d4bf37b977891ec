import { type BackendName, Cap, capName, Kvm, type Vm } from '@kvm/core';
import pc from 'picocolors';
import { stdout } from '../output/stream-sink.js';

export interface CapsFlags {
  backend?: BackendName;
  device: string;
  json?: boolean;
}

/** A capability and its value on this host. */
interface Capability {
  readonly number: number;
  /** The kernel's name. */
  readonly name: string;
  /** Its name in `Cap`. */
  readonly cap: string;
  /** 0 when the host lacks it. The meaning of other values depends on the capability. */
  readonly value: number;
  /** Its value for a VM; null where the kernel cannot be asked for that. */
  readonly vmValue: number | null;
}

/** `kvm-cli caps`: lists every capability that the kernel's headers name, with its value on this host. */
export function caps(flags: CapsFlags): number {
  const { device: path, backend } = flags;
  const kvm = Kvm.open({ path, ...(backend === undefined ? {} : { backend }) });
  try {
    const vm = kvm.createVm();
    try {
      const capabilities = inspect(kvm, vm);
      const document = {
        device: path,
        backend: kvm.backendName,
        apiVersion: kvm.getApiVersion(),
        capabilities,
      };
      stdout.write(flags.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : table(capabilities));
    } finally {
      vm.close();
    }
  } finally {
    kvm.close();
  }
  return 0;
}

function inspect(kvm: Kvm, vm: Vm): Capability[] {
  const vmHasValues = kvm.checkExtension(Cap.CheckExtensionVm) > 0;
  return Object.entries(Cap)
    .map(([cap, number]) => ({
      number,
      name: capName(number),
      cap,
      value: kvm.checkExtension(number),
      vmValue: vmHasValues ? vm.checkExtension(number) : null,
    }))
    .sort((a, b) => a.number - b.number);
}

function table(capabilities: readonly Capability[]): string {
  const width = Math.max(...capabilities.map(({ name }) => name.length));
  return capabilities
    .map(({ number, name, value, vmValue }) => {
      const line = `${String(number).padStart(4)}  ${name.padEnd(width)}  ${value}`;
      const vm = vmValue === null || vmValue === value ? '' : `, for a VM ${vmValue}`;
      return value === 0 && vm === '' ? `${pc.dim(line)}\n` : `${line}${vm}\n`;
    })
    .join('');
}
