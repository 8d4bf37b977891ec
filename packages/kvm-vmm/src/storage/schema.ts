import type { JsonSchema } from '../machine/json-schema.js';

/** The disks of a machine, as part of its schema. */
export const storage = {
  disks: {
    description:
      'Disks, virtio-blk: /dev/vda, /dev/vdb and so on of Linux. On a command line `a.img`, `b.img,ro` or ' +
      '`base.img,overlay`; may be repeated.',
    type: 'array',
    items: {
      title: 'DiskOptions',
      description: 'A disk.',
      type: 'object',
      properties: {
        path: {
          type: 'string',
          minLength: 1,
          format: 'path',
          description: 'A raw image, a block device, or the address of a raw image on a server: `https://...`.',
          'x-wanted': 'the path of a disk',
        },
        readOnly: { type: 'boolean', description: 'Whether the guest may only read.', default: false },
        overlay: {
          description:
            'Leaves the disk as it is, and keeps what the guest writes elsewhere: `true` in memory, a path in that ' +
            'file, which is made if there is none.',
          anyOf: [{ type: 'boolean' }, { type: 'string', minLength: 1, format: 'path' }],
          default: false,
          'x-wanted': 'true, false or the path of a file',
        },
        serial: {
          type: 'string',
          description: 'The serial number that the guest sees, at most 20 bytes; none without it.',
        },
      },
      required: ['path'],
      additionalProperties: false,
    },
    'x-flag': '--disk <disk>',
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
