import type { JsonSchema } from '../../machine/json-schema.js';

/** The console and the ports of a machine, as part of its schema. */
export const console = {
  console: {
    enum: ['serial', 'virtio'],
    description:
      'What the console of the guest is: `serial`, the serial port, `ttyS0` of Linux; `virtio`, which is faster and ' +
      'knows the size of a terminal, `hvc0` of Linux. The default command line of a kernel names it.',
    default: 'serial',
    'x-flag': '--console <kind>',
  },
  ports: {
    description:
      'Names of further byte streams between the guest and the program, such as `org.example.agent`: ' +
      '/dev/virtio-ports/org.example.agent of Linux.',
    type: 'array',
    items: {
      type: 'string',
      pattern: '^[\\w.:+@-]{1,64}$',
      'x-wanted': 'a name of up to 64 letters, digits and .:+@-_',
    },
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
