import type { JsonSchema } from '../machine/json-schema.js';
import { vsock } from './vsock/schema.js';

/** The virtio devices of a machine, as part of its schema. */
export const virtio = {
  rng: {
    description: 'A source of random bytes, virtio-rng: /dev/hwrng of Linux.',
    anyOf: [
      { type: 'boolean' },
      {
        title: 'RngModel',
        description: 'A source of random bytes.',
        type: 'object',
        properties: {
          bytesPerSecond: {
            type: 'integer',
            minimum: 1,
            maximum: 2 ** 32,
            description: 'How much the guest gets: more than it needs, and less than the host notices.',
            default: 2 ** 20,
          },
        },
        additionalProperties: false,
      },
    ],
    default: false,
    'x-flag': '--rng',
  },
  vsock,
} as const satisfies Readonly<Record<string, JsonSchema>>;
