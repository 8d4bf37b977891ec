import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Packet, VsockGuest } from '../../../test/vsock-guest.js';
import {
  VIRTIO_VSOCK_OP_REQUEST as REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE as RESPONSE,
  VIRTIO_VSOCK_OP_RST as RST,
  VIRTIO_VSOCK_OP_SHUTDOWN as SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
} from '../../abi/virtio/constants.js';
import { UnixSockets } from './unix-sockets.js';

let place: string;
let count = 0;
const freshPath = (): string => join(place, `v${count++}.sock`);
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'kvm-unix-'));
});
afterAll(() => rmSync(place, { recursive: true }));

async function start(path = freshPath()): Promise<{ guest: VsockGuest; path: string; sockets: UnixSockets }> {
  const guest = new VsockGuest().activate();
  const sockets = await UnixSockets.open(path, guest.vsock);
  onTestFinished(() => sockets.close());
  return { guest, path, sockets };
}

/** Runs the guest until it has got a packet of an operation. */
async function awaitPacket(guest: VsockGuest, wanted: number): Promise<Packet> {
  for (;;) {
    await guest.settle();
    const index = guest.inbox.findIndex(({ op }) => op === wanted);
    const [packet] = index < 0 ? [] : guest.inbox.splice(index, 1);
    if (packet !== undefined) return packet;
  }
}

async function firstText(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

/** Runs the guest meanwhile. */
async function running<T>(guest: VsockGuest, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const result = promise.finally(() => {
    isOver = true;
  });
  while (!isOver) await guest.settle();
  return await result;
}

test.each(['CONNECT 5000\n', 'CONNECT 5000\r\n'])('%j connects to a port of the guest', async (request) => {
  const { guest, path } = await start();
  const socket = connect({ path, allowHalfOpen: true });
  // What follows in the same bytes belongs to the connection.
  socket.write(`${request}hello`);
  const { srcPort, dstPort } = await awaitPacket(guest, REQUEST);
  expect(dstPort).toBe(5000);
  const answer = firstText(socket);
  guest.send({ op: RESPONSE, srcPort: dstPort, dstPort: srcPort });
  expect(await running(guest, answer)).toBe(`OK ${srcPort}\n`);
  while (guest.inbox.length === 0) await guest.settle();
  expect(Buffer.from(guest.inbox[0]?.payload ?? []).toString()).toBe('hello');
  const text = firstText(socket);
  guest.write(dstPort, srcPort, Buffer.from('world'));
  expect(await running(guest, text)).toBe('world');
  // Each direction ends by itself.
  guest.send({ op: SHUTDOWN, srcPort: dstPort, dstPort: srcPort, flags: VIRTIO_VSOCK_SHUTDOWN_SEND });
  await running(guest, once(socket, 'end'));
  socket.end();
  expect((await awaitPacket(guest, RST)).srcPort).toBe(srcPort);
});

test.each(['GET / HTTP/1.1\r\n', 'CONNECT\n', 'CONNECT 4294967296\n', 'CONNECT -1\n', 'x'.repeat(100)])(
  '%j is refused',
  async (request) => {
    const { guest, path } = await start();
    const socket = connect(path);
    socket.write(request);
    await running(guest, once(socket.resume(), 'close'));
    expect(guest.inbox).toEqual([]);
  },
);

test('a connection that the guest refuses is closed, and one that nobody waits for any more is reset', async () => {
  const { guest, path } = await start();
  const socket = connect(path);
  socket.write('CONNECT 5000\n');
  const { srcPort } = await awaitPacket(guest, REQUEST);
  guest.send({ op: RST, srcPort: 5000, dstPort: srcPort });
  await running(guest, once(socket.resume(), 'close'));
  const second = connect(path);
  second.write('CONNECT 5000\n');
  const request = await awaitPacket(guest, REQUEST);
  second.destroy();
  await once(second, 'close');
  guest.send({ op: RESPONSE, srcPort: 5000, dstPort: request.srcPort });
  await awaitPacket(guest, RST);
});

test('a connection of the guest goes to the socket of its port, and is reset without one', async () => {
  const { guest, path } = await start();
  guest.send({ op: REQUEST, srcPort: 9, dstPort: 80 });
  expect(await awaitPacket(guest, RST)).toMatchObject({ srcPort: 80, dstPort: 9 });
  const server = createServer((socket) => socket.end('hello')).listen(`${path}_80`);
  onTestFinished(() => void server.close());
  guest.send({ op: REQUEST, srcPort: 9, dstPort: 80 });
  await awaitPacket(guest, RESPONSE);
  while (!guest.inbox.some(({ payload }) => Buffer.from(payload).toString() === 'hello')) await guest.settle();
});

test('a listener of the program comes before the socket', async () => {
  const { guest, path } = await start();
  const server = createServer((socket) => socket.end('hello')).listen(`${path}_80`);
  onTestFinished(() => void server.close());
  guest.vsock.listen(80, (connection) => connection.end('here'));
  guest.send({ op: REQUEST, srcPort: 9, dstPort: 80 });
  await awaitPacket(guest, SHUTDOWN);
});

test('a socket that is left over is replaced, and the own one is removed at the end', async () => {
  const path = freshPath();
  const { sockets } = await start(path);
  await expect(start(path)).rejects.toThrow(/is in use by another program \(choose another path/);
  sockets.close();
  expect(existsSync(path)).toBe(false);
  // As a program leaves it that is killed.
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.abort())`;
  expect(spawnSync(process.execPath, ['-e', program]).signal).toBe('SIGABRT');
  expect(existsSync(path)).toBe(true);
  await start(path);
});

test('what is no socket stays, and an error says what to do', async () => {
  const path = freshPath();
  writeFileSync(path, 'precious');
  await expect(start(path)).rejects.toMatchObject({
    code: 'ERR_KVM_INVALID_ARGUMENT',
    message: `${path} exists, and is no socket (choose another path for the vsock socket)`,
  });
  await expect(start(join(place, 'none', 'v.sock'))).rejects.toThrow(/cannot be made: \w+ \(make its folder first\)/);
});
