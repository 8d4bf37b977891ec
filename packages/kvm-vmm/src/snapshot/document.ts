import { isDeepStrictEqual } from 'node:util';
import { KvmError } from '@kvm/core';
import type { FwCfgFiles, MachineDocument } from '../machine/document.js';
import { absolutePaths } from '../machine/read-machine.js';
import type { Header } from './header.js';

/**
 * A machine's document as its snapshot has it, in JSON. What it booted and what only its memory had of the host is left
 * out: a restored machine does not boot, and maps the memory of its snapshot.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for data of device modules that JSON does not carry.
 */
export function savedDocument(document: MachineDocument, memorySize: number): Header['machine'] {
  const { kvm: _kvm, memoryFile: _file, hugePages: _huge, prefault: _prefault, fwCfg, boot, ...rest } = document;
  const machine = {
    ...rest,
    memory: memorySize,
    boot: boot.type === 'flat' ? { type: boot.type, image: 'none' } : { type: boot.type, kernel: boot.kernel },
    ...(fwCfg !== undefined && { fwCfg: textFiles(fwCfg) }),
    ...(rest.devices !== undefined && {
      devices: rest.devices.map(({ module, ...data }) => ({ module: String(module), ...data })),
    }),
  };
  const plain = JSON.parse(JSON.stringify(machine)) as Header['machine'];
  if (!isDeepStrictEqual(plain.devices, machine.devices)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the data of a device module is more than JSON can say', {
      hint: 'a machine that is to be saved needs devices[].data of plain values',
    });
  }
  return absolutePaths(plain, process.cwd());
}

function textFiles({ files = {} }: FwCfgFiles): FwCfgFiles {
  const texts = Object.entries(files).map(([name, file]) => {
    const text = typeof file === 'string' ? file : Buffer.from(file).toString();
    if (typeof file === 'string' || Buffer.from(text).equals(file)) return [name, text];
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the file ${name} of fw_cfg is no text, and cannot be saved`);
  });
  return { files: Object.fromEntries(texts) };
}
