import type { JsonSchema } from '../../machine/json-schema.js';

/** What the schema of a machine says of what it boots. */

const path = { type: 'string', minLength: 1, format: 'path', 'x-wanted': 'the path of a file' } as const;

const address = {
  type: ['integer', 'string'],
  minimum: 0,
  pattern: '^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})$',
  'x-wanted': 'an address of up to 64 bits, such as 4096 or "0x1000"',
  'x-javascript': 'bigint',
} as const;

const linux = {
  title: 'LinuxBoot',
  description: 'A kernel to boot.',
  type: 'object',
  properties: {
    type: { const: 'linux' },
    kernel: {
      ...path,
      description: 'A bzImage, an ELF64 `vmlinux`, or a multiboot kernel; its bytes tell which.',
    },
    initrd: { ...path, description: "The kernel's initial RAM file system.", 'x-flag': '--initrd <file>' },
    cmdline: {
      type: 'string',
      description: "The kernel's command line; an empty one by default for the board `test`.",
      default: 'console=ttyS0 panic=-1 pci=off',
      'x-flag': '--cmdline <text>',
    },
    protocol: {
      enum: ['bzimage', 'pvh', 'elf64', 'multiboot'],
      description: 'A boot protocol to use; without it, the image decides.',
      'x-flag': '--protocol <name>',
    },
  },
  required: ['type', 'kernel'],
  additionalProperties: false,
} as const satisfies JsonSchema;

const flat = {
  title: 'FlatBoot',
  description: 'A flat binary to boot.',
  type: 'object',
  properties: {
    type: { const: 'flat' },
    image: {
      ...path,
      description: 'The path of the binary. The API takes its bytes, too.',
      'x-wanted': 'the path of a flat binary, or its bytes',
      'x-javascript': 'Uint8Array',
    },
    mode: {
      enum: ['real', 'protected', 'long'],
      description: 'The mode of the processor at the first instruction of a flat binary.',
      default: 'real',
      'x-flag': '--mode <mode>',
    },
    loadAddr: {
      ...address,
      description: 'The guest-physical address at which a flat binary is loaded.',
      default: '0x1000',
      'x-flag': '--load-addr <address>',
    },
    entry: {
      ...address,
      description: 'The guest-physical address of its first instruction; the load address without it.',
      'x-flag': '--entry <address>',
    },
  },
  required: ['type', 'image'],
  additionalProperties: false,
} as const satisfies JsonSchema;

export const boot = {
  description: 'What the machine boots: a kernel or a flat binary.',
  anyOf: [linux, flat],
  'x-wanted': 'what linux({ kernel }) or flat({ image }) returns',
} as const satisfies JsonSchema;
