import type { JsonSchema } from '../../machine/json-schema.js';

/** What the schema of a machine says of its processors. */

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
