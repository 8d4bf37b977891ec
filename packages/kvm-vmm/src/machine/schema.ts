import { storage } from '../storage/schema.js';
import { balloon } from '../virtio/balloon/schema.js';
import { console } from '../virtio/console/schema.js';
import { shares } from '../virtio/fs/schema.js';
import { net } from '../virtio/net/schema.js';
import { virtio } from '../virtio/schema.js';
import { board } from '../x86/schema/board.js';
import { boot } from '../x86/schema/boot.js';
import { cpu } from '../x86/schema/cpu.js';
import type { JsonSchema } from './json-schema.js';
import { size } from './size-schema.js';

export type { JsonSchema } from './json-schema.js';

/**
 * What a machine is made of: the one table from which the options of `Machine.create`, files for `--config` and the
 * options of kvm-cli are checked. `document.ts`, `machine.schema.json` and tables in docs are written from it by
 * `npx vitest run test/schema.test.ts -u`. It needs no other module, so that help prints it at once.
 */
export const machineSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'MachineDocument',
  description: 'A machine, as a document that JSON carries.',
  type: 'object',
  properties: {
    $schema: { type: 'string', description: 'Where this schema is: for editors.' },
    boot,
    memory: {
      ...size,
      description:
        'Guest memory in bytes, or a number with a unit: `64K`, `512M`, `8G`; whole pages of 4096 bytes. ' +
        'A flat binary has 16M by default.',
      default: '512M',
      'x-flag': '--mem <size>',
    },
    memoryFile: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description:
        'A file to use as guest memory, which other processes can map: in /dev/shm or hugetlbfs. It is made if there ' +
        'is none. Its content is replaced, and its size must be 0 or that of the memory.',
      'x-wanted': 'the path of a file',
      'x-flag': '--mem-file <file>',
    },
    hugePages: {
      type: 'boolean',
      description: 'Ask the host for huge pages for the guest memory.',
      default: false,
      'x-flag': '--huge-pages',
    },
    prefault: {
      type: 'boolean',
      description: 'Take all guest memory from the host before the guest starts.',
      default: false,
      'x-flag': '--prefault',
    },
    cpus: {
      type: 'integer',
      minimum: 1,
      maximum: 65_536,
      description: 'The number of processors, at most what the host allows.',
      default: 1,
      'x-flag': '--cpus <number>',
    },
    cpu,
    ...board,
    ...storage,
    ...shares,
    ...net,
    ...virtio,
    ...console,
    ...balloon,
    transport: {
      enum: ['mmio', 'pci'],
      description:
        'How the guest reaches its virtio devices: `mmio`, by registers in memory; `pci`, by a PCI bus with MSI-X, ' +
        'for which a kernel looks a little longer.',
      default: 'mmio',
      'x-flag': '--transport <name>',
    },
    devices: {
      description: 'Devices of your own, beside those of the platform.',
      type: 'array',
      items: {
        title: 'DeviceModule',
        description: 'A device of your own: a module that exports a function `device`.',
        type: 'object',
        properties: {
          module: {
            type: 'string',
            minLength: 1,
            format: 'uri-reference',
            description:
              "The module: `new URL('./my-device.js', import.meta.url)`. It is loaded in the thread of the devices.",
            'x-wanted': "a URL such as new URL('./my-device.js', import.meta.url)",
            'x-javascript': 'URL',
          },
          data: {
            description: "What the module's function gets as `context.data`: anything that `postMessage` carries.",
          },
        },
        required: ['module'],
        additionalProperties: false,
      },
    },
    trace: {
      type: 'string',
      minLength: 1,
      description:
        'The exits that `onExit` is told of, or kvm-cli prints to stderr: `all`, or names and addresses, such as ' +
        '`io,mmio:0xd0000000-0xd0000fff` and `all,-io:0x3f8-0x3ff`.',
      'x-wanted': 'names of exits such as "io,mmio:0xd0000000"',
      'x-flag': '--trace <exits>',
    },
    kvm: {
      title: 'KvmOptions',
      description: 'How to open KVM.',
      type: 'object',
      properties: {
        path: {
          type: 'string',
          minLength: 1,
          description: 'The KVM device.',
          default: '/dev/kvm',
          'x-wanted': 'the path of the KVM device',
          'x-flag': '--device <path>',
        },
        backend: {
          enum: ['native', 'ffi'],
          description: 'How to call KVM; the faster one that loads without it.',
          'x-flag': '--backend <name>',
        },
      },
      additionalProperties: false,
    },
  },
  required: ['boot'],
  additionalProperties: false,
} as const satisfies JsonSchema;
