import type { JsonSchema } from '../../machine/json-schema.js';

const mostIds = 2 ** 32 - 2;

const ranges = (whose: string) =>
  ({
    description: `What ${whose} of the host are in the guest. Others are 65534 there, and cannot be given to a file.`,
    type: 'array',
    items: {
      title: 'IdRange',
      description: 'Ids of the guest, and what they are on the host.',
      type: 'object',
      properties: {
        guest: { type: 'integer', minimum: 0, maximum: mostIds, description: 'The first id in the guest.' },
        host: { type: 'integer', minimum: 0, maximum: mostIds, description: 'The first id on the host.' },
        count: { type: 'integer', minimum: 1, maximum: mostIds, description: 'How many.', default: 1 },
      },
      required: ['guest', 'host'],
      additionalProperties: false,
    },
  }) as const satisfies JsonSchema;

/** The folders of the host that a machine shares, as part of its schema. */
export const shares = {
  shares: {
    description:
      'Folders of the host, virtio-fs: `mount -t virtiofs <tag> /mnt` of Linux. On a command line `dir`, `dir:tag` ' +
      'or `dir:tag,rw`; may be repeated.',
    type: 'array',
    items: {
      title: 'ShareOptions',
      description: 'A folder of the host.',
      type: 'object',
      properties: {
        path: { type: 'string', minLength: 1, format: 'path', description: 'The folder.' },
        tag: {
          type: 'string',
          minLength: 1,
          description: 'The name by which the guest mounts it, at most 36 bytes. The name of the folder without it.',
        },
        readOnly: { type: 'boolean', description: 'Whether the guest may only read.', default: true },
        cache: {
          enum: ['none', 'auto', 'always'],
          description:
            'How long the guest trusts what it knows of the files: `none`, it asks each time; `auto`, for a second, ' +
            'and it reads a file anew when it opens it; `always`, for files that only the guest changes.',
          default: 'auto',
        },
        ids: {
          description:
            'The owners that the guest sees: `host`, those of the host; `squash`, its root owns all files, and what ' +
            'it makes belongs to the user of this process; or a map.',
          anyOf: [
            { type: 'string', enum: ['host', 'squash'] },
            {
              title: 'IdMap',
              description: 'How the ids of the guest and those of the host belong together.',
              type: 'object',
              properties: { uids: ranges('users'), gids: ranges('groups') },
              required: ['uids', 'gids'],
              additionalProperties: false,
            },
          ],
          default: 'host',
          'x-wanted': "'host', 'squash' or a map",
        },
      },
      required: ['path'],
      additionalProperties: false,
    },
    'x-flag': '--share <folder>',
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
