import { KvmError } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import type { ByteSource } from '../../boot/byte-source.js';
import { ramRanges } from './layout.js';
import { type BootEnvironment, bootProtocols, type LinuxImage } from './plan.js';

/** Checks what the types promise of a caller's arguments, as far as no other check does. */
export function checkArguments(image: LinuxImage, environment: BootEnvironment): void {
  const {
    kernel,
    initrd,
    modules = [],
  } = optionsOf(image, 'the image to boot', ['kernel', 'initrd', 'cmdline', 'modules']);
  const {
    memorySize,
    protocol,
    setupData = [],
  } = optionsOf(environment, 'the environment of a boot', ['memorySize', 'rsdp', 'protocol', 'setupData']);
  checkSource(kernel);
  if (initrd !== undefined) checkSource(initrd);
  for (const each of listOf(modules, 'modules')) {
    checkSource(optionsOf(each, 'a module', ['source', 'cmdline']).source);
  }
  for (const each of listOf(setupData, 'setupData')) optionsOf(each, 'an item of setup data', ['type', 'data']);
  if (protocol !== undefined && !bootProtocols.includes(protocol)) {
    throw invalid(`there is no boot protocol ${JSON.stringify(protocol)}: ${bootProtocols.join(', ')}`);
  }
  // It is a limit before it is a layout.
  ramRanges(memorySize);
}

function checkSource(source: ByteSource): void {
  const isSource = typeof source === 'object' && source !== null && typeof source.read === 'function';
  if (!isSource || !Number.isSafeInteger(source.size) || source.size < 0) {
    throw invalid('a kernel, initrd or module must be a source of bytes: fileSource(path) or bytesSource(bytes)');
  }
}

function listOf<T>(value: readonly T[], name: string): readonly T[] {
  if (!Array.isArray(value)) throw invalid(`${name} must be an array`);
  return value;
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
