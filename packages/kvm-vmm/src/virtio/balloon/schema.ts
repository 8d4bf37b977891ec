import type { JsonSchema } from '../../machine/json-schema.js';
import { size } from '../../machine/size-schema.js';

/** The balloon of a machine, as part of its schema. */
export const balloon = {
  balloon: {
    description:
      'A balloon, virtio-balloon: a size of memory that the guest is to give back to the host, `0` for none; the ' +
      'program changes it later. Memory that the guest does not use goes back to the host by itself.',
    anyOf: [
      { type: 'boolean' },
      size,
      {
        title: 'BalloonModel',
        description: 'A balloon.',
        type: 'object',
        properties: {
          target: { ...size, description: 'How much memory the guest is to give back.', default: 0 },
          deflateOnOom: {
            type: 'boolean',
            description: 'Whether the guest may take memory out of the balloon when it has no other left.',
            default: true,
          },
          reporting: {
            type: 'boolean',
            description: 'Whether the guest reports free memory, which goes back to the host at once.',
            default: true,
          },
        },
        additionalProperties: false,
      },
    ],
    default: false,
    'x-wanted': "true, false, a size such as '128M', or { target, deflateOnOom, reporting }",
    'x-flag': '--balloon <size>',
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
