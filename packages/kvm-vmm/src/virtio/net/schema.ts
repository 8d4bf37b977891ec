import type { JsonSchema } from '../../machine/json-schema.js';

const mac = {
  type: 'string',
  pattern: '^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$',
  description: 'The address of the network card; a random one without it.',
  'x-wanted': "a MAC address such as '52:54:00:12:34:56'",
} as const satisfies JsonSchema;

const mtu = {
  type: 'integer',
  minimum: 68,
  maximum: 65_535,
  description: 'The largest packet that the guest is to send, in bytes; 1500 in most guests without it.',
} as const satisfies JsonSchema;

/** What a gigabit network carries many times over. */
const fastest = 2 ** 40;

const bytesPerSecond = {
  type: 'integer',
  minimum: 1,
  maximum: fastest,
  description: 'How much the card carries in each direction at most; as much as the host can without it.',
} as const satisfies JsonSchema;

const framesPerSecond = {
  type: 'integer',
  minimum: 1,
  maximum: fastest,
  description: 'How many frames the card carries in each direction at most.',
} as const satisfies JsonSchema;

/** The networks of a machine, as part of its schema. */
export const net = {
  net: {
    description:
      'Network cards, virtio-net: eth0, eth1 and so on of Linux. On a command line `tap0`, `passt,port=8080:80`, ' +
      '`socket:PATH`, each with `,mac=...,mtu=...` if need be, or `none`; may be repeated.',
    type: 'array',
    items: {
      anyOf: [
        {
          title: 'TapOptions',
          description: 'A network card that is connected to a tap of the host.',
          type: 'object',
          properties: {
            type: { const: 'tap', description: 'An interface of the host, which it bridges or routes.' },
            name: {
              type: 'string',
              pattern: '^[^\\s/:]{1,15}$',
              description: 'The name of the tap: `ip tuntap add dev tap0 mode tap user $USER` makes it.',
              'x-wanted': "the name of an interface, such as 'tap0'",
            },
            mac,
            mtu,
            bytesPerSecond,
            framesPerSecond,
          },
          required: ['type', 'name'],
          additionalProperties: false,
        },
        {
          title: 'PasstOptions',
          description: "A network card whose packets passt turns into the host's own connections. It needs no rights.",
          type: 'object',
          properties: {
            type: { const: 'passt', description: 'A network by the program passt, which must be installed.' },
            ports: {
              type: 'array',
              items: {
                type: 'string',
                pattern: '^([0-9.]+:)?[0-9]{1,5}:[0-9]{1,5}(/(tcp|udp))?$',
                'x-wanted': "ports of the host and of the guest, such as '8080:80' or '127.0.0.1:5353:53/udp'",
              },
              description: 'Ports of the host that lead to ports of the guest: `8080:80`, `127.0.0.1:5353:53/udp`.',
            },
            hostLoopback: {
              type: 'boolean',
              description: "Whether the guest reaches services of the host's loopback, by the address of its gateway.",
              default: false,
            },
            mac,
            mtu,
            bytesPerSecond,
            framesPerSecond,
          },
          required: ['type'],
          additionalProperties: false,
        },
        {
          title: 'SocketOptions',
          description: "A network card whose frames go over a Unix socket: to another machine, or to QEMU's `stream`.",
          type: 'object',
          properties: {
            type: { const: 'socket', description: 'A Unix stream socket with a length before each frame.' },
            path: {
              type: 'string',
              minLength: 1,
              format: 'path',
              description: 'The path of the socket.',
              'x-wanted': 'the path of a socket',
            },
            listen: {
              type: 'boolean',
              description: 'Makes the socket and waits for the other side, instead of connecting to it.',
              default: false,
            },
            mac,
            mtu,
            bytesPerSecond,
            framesPerSecond,
          },
          required: ['type', 'path'],
          additionalProperties: false,
        },
      ],
      'x-wanted': "an object with a type: 'tap', 'passt' or 'socket'",
    },
    'x-flag': '--net <network>',
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
