import type { JsonSchema } from '../../machine/json-schema.js';

/** Sockets between the guest and the host, as part of the schema of a machine. */
export const vsock = {
  description:
    'Sockets between the guest and the host, virtio-vsock: AF_VSOCK of Linux. On a command line `v.sock` or ' +
    '`v.sock,cid=4`.',
  anyOf: [
    { type: 'boolean' },
    {
      title: 'VsockModel',
      description: 'Sockets between the guest and the host.',
      type: 'object',
      properties: {
        cid: {
          type: 'integer',
          minimum: 3,
          maximum: 2 ** 32 - 2,
          description: "The guest's address. The host has 2.",
          default: 3,
        },
        path: {
          type: 'string',
          minLength: 1,
          format: 'path',
          description:
            'A Unix socket for programs of the host: they write `CONNECT <port>` and a new line, and are connected ' +
            'to that port of the guest. A guest that connects to a port of the host is connected to the Unix socket ' +
            '`<path>_<port>`.',
          'x-wanted': 'the path of a Unix socket',
        },
      },
      additionalProperties: false,
    },
  ],
  default: false,
  'x-flag': '--vsock <socket>',
} as const satisfies JsonSchema;
