import type { JsonSchema } from '../machine/json-schema.js';

/** What the schema of a machine says of a PC: what it boots, its processors and its board. */

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
      description: "The kernel's command line; an empty one by default for the machine `test`.",
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

const unsigned = {
  type: ['integer', 'string'],
  minimum: 0,
  pattern: '^(0[xX][0-9a-fA-F_]{1,24}|0[bB][01_]{1,80}|[0-9]{1,20})$',
  'x-wanted': 'a whole number or a string such as "0x1f"',
} as const;

const registerMask = {
  title: 'RegisterMask',
  description: 'What becomes of a register: `(value & keep) | set`.',
  type: 'object',
  properties: {
    keep: { ...unsigned, description: 'The bits that stay as they are on the host; all without it.' },
    set: { ...unsigned, description: 'Bits to set; none without it.' },
  },
  additionalProperties: false,
} as const satisfies JsonSchema;

const features = { type: 'array', items: { type: 'string', minLength: 1 } } as const;

const template = {
  title: 'CpuTemplate',
  description:
    'A model of a processor, so that guests on different hosts see the same one. ' +
    'If it has `requires` or `allows`, every feature is hidden that is in neither, known or not.',
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, description: 'Its name, for errors.' },
    requires: {
      ...features,
      description: 'Features by the names of `cpuFeatures` that the guest has. A host without one of them is refused.',
    },
    allows: { ...features, description: 'Features that the guest has if the host has them.' },
    cpuid: {
      description: 'Changes of CPUID leaves, in order, after `requires` and `allows`.',
      type: 'array',
      items: {
        title: 'LeafMask',
        description: 'What becomes of a leaf of CPUID.',
        type: 'object',
        properties: {
          leaf: { ...unsigned, description: 'The leaf: EAX of CPUID.' },
          subleaf: { ...unsigned, description: 'For a leaf with subleaves; without it, the leaf has none.' },
          eax: registerMask,
          ebx: registerMask,
          ecx: registerMask,
          edx: registerMask,
        },
        required: ['leaf'],
        additionalProperties: false,
      },
    },
    msrs: {
      description: 'Model-specific registers, for `setTemplateMsrs`.',
      type: 'array',
      items: {
        title: 'MsrMask',
        description: 'What becomes of a model-specific register.',
        type: 'object',
        properties: {
          index: { ...unsigned, description: 'The number of the register: ECX of RDMSR.' },
          ...registerMask.properties,
        },
        required: ['index'],
        additionalProperties: false,
      },
    },
  },
  required: ['name'],
  additionalProperties: false,
} as const satisfies JsonSchema;

export const cpu = {
  description:
    "The processors: a template, changes of the host's features, or both, as in `x86-64-v3,-avx2`; " +
    "the host's without it.",
  anyOf: [
    { type: 'string', minLength: 1 },
    {
      title: 'CpuModel',
      description: "How a machine's processors differ from the host's.",
      type: 'object',
      properties: {
        template: {
          description: 'A template, or the name of one of `cpuTemplates`: `x86-64-v3`.',
          anyOf: [{ type: 'string', minLength: 1 }, template],
        },
        features: {
          type: 'string',
          description: 'Changes of features by the names of /proc/cpuinfo, after the template: `+avx2,-avx512f`.',
        },
      },
      additionalProperties: false,
    },
  ],
  'x-wanted': 'a text such as "x86-64-v3,-avx2", or { template, features }',
  'x-flag': '--cpu <model>',
} as const satisfies JsonSchema;

/** The properties that choose what the guest runs on. */
export const board = {
  machine: {
    enum: ['pc', 'test', 'bare'],
    description:
      'What the guest finds: `pc`, what Linux expects; `test`, what the unit tests of KVM expect; `bare`, a serial port ' +
      'and the debug-exit port. Without it, `bare` for flat binaries, else `pc`.',
    'x-flag': '--machine <kind>',
  },
  interrupts: {
    enum: ['kernel', 'split', 'none'],
    description:
      'The interrupt controllers: `kernel`, those of a PC, in the kernel; `split`, local APICs in the kernel, an I/O ' +
      'APIC in the thread of the devices, no PICs; `none`, so that HLT ends the guest. Without it, `none` for flat ' +
      'binaries on `bare`, else `kernel`.',
    'x-flag': '--interrupts <where>',
  },
  acpi: {
    enum: ['reduced', 'full'],
    description:
      '`reduced`: hardware-reduced ACPI. `full`: ACPI with its fixed registers, SCI and PM timer, and a PIT where there ' +
      'are PICs. Without it, `full` for the machine `test`, else `reduced`.',
    'x-flag': '--acpi <kind>',
  },
  debugExit: {
    enum: ['raw', 'qemu'],
    description:
      'What the debug-exit port makes of a value: `raw`, the status, or `qemu`, the status `(value << 1) + 1`. Without ' +
      'it, `qemu` for the machine `test`, else `raw`.',
    'x-flag': '--debug-exit <status>',
  },
  fwCfg: {
    title: 'FwCfgDocument',
    description: "QEMU's fw_cfg, at port 0x510.",
    type: 'object',
    properties: {
      files: {
        description:
          "Files of QEMU's fw_cfg, beside its usual items. The machine `test` has an fw_cfg without this, too.",
        type: 'array',
        items: {
          title: 'FwCfgFile',
          description: 'A file of fw_cfg.',
          type: 'object',
          properties: {
            name: {
              type: 'string',
              pattern: '^[!-~]{1,55}$',
              description: 'Its name: `opt/org.example/config`.',
              'x-wanted': '1 to 55 printable ASCII characters',
            },
            content: {
              type: 'string',
              description: 'Its text. The API takes bytes, too.',
              'x-wanted': 'a text or bytes',
              'x-javascript': 'Uint8Array',
            },
          },
          required: ['name', 'content'],
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
