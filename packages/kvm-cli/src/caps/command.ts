import { type BackendName, Cap, capName, Kvm, type Vm } from '@kvm/core';
import pc from 'picocolors';
import { stdout } from '../output/stream-sink.js';

export interface CapsFlags {
  backend?: BackendName;
  device: string;
  json?: boolean;
}

/** A capability, and what this host says of it. */
interface Answer {
  readonly number: number;
  /** The kernel's name. */
  readonly name: string;
  /** Its name in `Cap`. */
  readonly cap: string;
  /** 0 when the host lacks it; what more than 0 means depends on the capability. */
  readonly value: number;
  /** The same, asked of a VM; null where VMs cannot be asked. */
  readonly vmValue: number | null;
}

/** `kvm-cli caps`: every capability that the kernel's headers name, with its value on this host. */
export function caps(flags: CapsFlags): number {
  const { device: path, backend } = flags;
  const kvm = Kvm.open({ path, ...(backend === undefined ? {} : { backend }) });
  try {
    const vm = kvm.createVm();
    try {
      const answers = ask(kvm, vm);
      const document = {
        device: path,
        backend: kvm.backendName,
        apiVersion: kvm.getApiVersion(),
        capabilities: answers,
      };
      stdout.write(flags.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : table(answers));
    } finally {
      vm.close();
    }
  } finally {
    kvm.close();
  }
  return 0;
}

function ask(kvm: Kvm, vm: Vm): Answer[] {
  const askVm = kvm.checkExtension(Cap.CheckExtensionVm) > 0;
  return Object.entries(Cap)
    .map(([cap, number]) => ({
      number,
      name: capName(number),
      cap,
      value: kvm.checkExtension(number),
      vmValue: askVm ? vm.checkExtension(number) : null,
    }))
    .sort((a, b) => a.number - b.number);
}

function table(answers: readonly Answer[]): string {
  const width = Math.max(...answers.map(({ name }) => name.length));
  return answers
    .map(({ number, name, value, vmValue }) => {
      const line = `${String(number).padStart(4)}  ${name.padEnd(width)}  ${value}`;
      const vm = vmValue === null || vmValue === value ? '' : `, for a VM ${vmValue}`;
      return value === 0 && vm === '' ? `${pc.dim(line)}\n` : `${line}${vm}\n`;
    })
    .join('');
}
