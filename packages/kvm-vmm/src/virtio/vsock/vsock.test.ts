import { once } from 'node:events';
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds, PackedDriver, SplitDriver } from '../../../test/virtio-driver.js';
import { cid, headerSize, type Packet, VsockGuest } from '../../../test/vsock-guest.js';
import {
  VIRTIO_VSOCK_OP_CREDIT_REQUEST as CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE as CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST as REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE as RESPONSE,
  VIRTIO_VSOCK_OP_RST as RST,
  VIRTIO_VSOCK_OP_RW as RW,
  VIRTIO_VSOCK_OP_SHUTDOWN as SHUTDOWN,
  VIRTIO_VSOCK_EVENT_TRANSPORT_RESET,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
  VIRTIO_VSOCK_TYPE_SEQPACKET,
  VIRTIO_VSOCK_TYPE_STREAM,
} from '../../abi/virtio/constants.js';
import { mostConnections } from './connection-table.js';
import type { VsockConnection } from './vsock.js';
import { mostBuffered } from './vsock-plan.js';

const { ECONNREFUSED, ECONNRESET, EPIPE, EMFILE } = constants.errno;
const both = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;
/** Ports of the host's listener, and of the guest. */
const host = 1024;
const guestPort = 77;
const toHost = { srcPort: guestPort, dstPort: host };
const pattern = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => i % 251));
const ops = (packets: readonly Packet[]): number[] => packets.map(({ op }) => op);
const textOf = (packets: readonly Packet[]): string => Buffer.concat(packets.map(({ payload }) => payload)).toString();

/** A guest that is connected to a listener of the host. */
async function connected(options = {}): Promise<{ guest: VsockGuest; connection: VsockConnection }> {
  const guest = new VsockGuest(options).activate();
  let connection: VsockConnection | undefined;
  guest.vsock.listen(host, (each) => {
    connection = each;
  });
  expect(ops(await guest.connect(guestPort, host))).toEqual([RESPONSE]);
  return { guest, connection: connection as VsockConnection };
}

describe('a connection of the guest', () => {
  test.each(kinds)('carries bytes both ways, on %s queues', async (_, Kind) => {
    const { guest, connection } = await connected({ Kind });
    expect([connection.hostPort, connection.guestPort]).toEqual([host, guestPort]);
    connection.on('data', (chunk: Buffer) => void connection.write(chunk.toString().toUpperCase()));
    guest.write(guestPort, host, Buffer.from('hello'));
    const [answer] = await guest.received();
    expect(answer).toMatchObject({
      srcCid: 2n,
      dstCid: BigInt(cid),
      srcPort: host,
      dstPort: guestPort,
      len: 5,
      type: VIRTIO_VSOCK_TYPE_STREAM,
      op: RW,
      bufAlloc: mostBuffered,
      fwdCnt: 5,
    });
    expect(Buffer.from(answer?.payload ?? []).toString()).toBe('HELLO');
  });

  test('is refused without a listener, or with one that was closed', async () => {
    const { guest } = await connected();
    expect(await guest.connect(5, 99)).toMatchObject([{ op: RST, srcPort: 99, dstPort: 5 }]);
    using listener = guest.vsock.listen(99, () => {});
    expect(() => guest.vsock.listen(99, () => {})).toThrow(KvmError);
    listener.close();
    expect(ops(await guest.connect(5, 99))).toEqual([RST]);
  });

  test('ends in one direction, then in the other', async () => {
    const { guest, connection } = await connected();
    const chunks: Buffer[] = [];
    connection.on('data', (chunk: Buffer) => chunks.push(chunk));
    guest.write(guestPort, host, Buffer.from('the last'));
    guest.send({ ...toHost, op: SHUTDOWN, flags: VIRTIO_VSOCK_SHUTDOWN_SEND });
    await guest.settle();
    expect([Buffer.concat(chunks).toString(), connection.readableEnded, connection.destroyed]).toEqual([
      'the last',
      true,
      false,
    ]);
    connection.write('more');
    connection.end(' and more');
    const packets = await guest.received();
    expect(textOf(packets)).toBe('more and more');
    // What has ended in both directions is over.
    expect([...ops(packets).slice(0, 2), ops(packets).at(-1)]).toEqual([RW, RW, RST]);
  });

  test('tells the guest when the host writes no more, and still reads', async () => {
    const { guest, connection } = await connected();
    connection.end('bye');
    expect(await guest.received()).toMatchObject([{ op: RW }, { op: SHUTDOWN, flags: VIRTIO_VSOCK_SHUTDOWN_SEND }]);
    guest.write(guestPort, host, Buffer.from('and you'));
    await guest.settle();
    expect(String(connection.read())).toBe('and you');
    guest.send({ ...toHost, op: SHUTDOWN, flags: both });
    expect(ops(await guest.received())).toEqual([RST]);
    connection.resume();
    await guest.settle();
    expect(connection.destroyed).toBe(true);
  });

  test('that the guest closes can still be read, and not be written', async () => {
    const { guest, connection } = await connected();
    guest.write(guestPort, host, Buffer.from('result'));
    guest.send({ ...toHost, op: SHUTDOWN, flags: both });
    expect(ops(await guest.received())).toEqual([RST]);
    const failed = once(connection, 'error');
    connection.write('nobody reads this');
    expect((await failed)[0]).toMatchObject({ code: 'ERR_KVM_CLOSED', errno: EPIPE });

    const { guest: other, connection: second } = await connected();
    other.write(guestPort, host, Buffer.from('result'));
    other.send({ ...toHost, op: SHUTDOWN, flags: both });
    await other.settle();
    other.vsock.finish();
    const chunks: Buffer[] = [];
    for await (const chunk of second as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('result');
    await turn();
    expect(second.destroyed).toBe(true);
  });

  test('is reset by the guest: an error for those who listen for errors, an end for others', async () => {
    const { guest, connection } = await connected();
    guest.send({ ...toHost, op: RST });
    await guest.settle();
    expect([connection.destroyed, connection.errored]).toEqual([true, null]);
    const { guest: other, connection: second } = await connected();
    const failed = once(second, 'error');
    other.send({ ...toHost, op: RST });
    await other.settle();
    expect((await failed)[0]).toMatchObject({ code: 'ERR_KVM_CLOSED', errno: ECONNRESET });
    expect(ops(await other.received())).toEqual([]);
    // The ports are free again.
    expect(ops(await other.connect(guestPort, host))).toEqual([RESPONSE]);
  });

  test('is reset by the host', async () => {
    const { guest, connection } = await connected();
    connection.destroy();
    expect(ops(await guest.received())).toEqual([RST]);
    guest.write(guestPort, host, Buffer.from('late'));
    expect(ops(await guest.received())).toEqual([RST]);
  });
});

describe('a connection of the host', () => {
  test('waits for a driver, and carries bytes', async () => {
    const guest = new VsockGuest();
    const promise = guest.vsock.connect(5000);
    await guest.settle();
    expect(guest.inbox).toEqual([]);
    guest.activate();
    const { srcPort, dstPort } = await guest.accept();
    expect(dstPort).toBe(5000);
    const connection = await promise;
    expect([connection.hostPort, connection.guestPort]).toEqual([srcPort, 5000]);
    connection.write('hello');
    expect(textOf(await guest.received())).toBe('hello');
    guest.write(5000, srcPort, Buffer.from('world'));
    await guest.settle();
    expect(String(connection.read())).toBe('world');
  });

  test('is refused, or given up', async () => {
    const guest = new VsockGuest().activate();
    const promise = guest.vsock.connect(5000);
    const [request] = await guest.received();
    guest.send({ op: RST, srcPort: 5000, dstPort: request?.srcPort ?? 0 });
    await Promise.all([
      expect(promise).rejects.toMatchObject({ code: 'ERR_KVM_CLOSED', errno: ECONNREFUSED }),
      guest.settle(),
    ]);
    const controller = new AbortController();
    const second = guest.vsock.connect(5000, { signal: controller.signal });
    await guest.received();
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    expect(ops(await guest.received())).toEqual([RST]);
    await expect(guest.vsock.connect(-1)).rejects.toThrow(KvmError);
  });

  test('fails when the machine ends, and later', async () => {
    const guest = new VsockGuest().activate();
    const promise = guest.vsock.connect(5000);
    guest.vsock.finish();
    await expect(promise).rejects.toMatchObject({ errno: ECONNRESET });
    await expect(guest.vsock.connect(5000)).rejects.toMatchObject({ errno: ECONNRESET });
  });
});

describe('credit', () => {
  test('a guest gets no more than it has room for, and is asked once', async () => {
    const { guest, connection } = await connected();
    guest.bufAlloc = 10;
    guest.send({ ...toHost, op: CREDIT_UPDATE });
    await guest.settle();
    connection.write('0123456789abcdef');
    const packets = await guest.received();
    expect([ops(packets), textOf(packets)]).toEqual([[RW, CREDIT_REQUEST], '0123456789']);
    guest.send({ ...toHost, op: CREDIT_UPDATE, fwdCnt: 4 });
    expect(textOf(await guest.received())).toBe('abcd');
    // A lie: more was taken than was sent.
    guest.send({ ...toHost, op: CREDIT_UPDATE, fwdCnt: 4000 });
    expect(textOf(await guest.received())).toBe('');
    guest.send({ ...toHost, op: CREDIT_UPDATE, fwdCnt: 14, bufAlloc: 0xffff_ffff });
    expect(textOf(await guest.received())).toBe('ef');
  });

  test('a guest that asks is told, and is told when a quarter of the buffer was read', async () => {
    const { guest, connection } = await connected();
    guest.send({ ...toHost, op: CREDIT_REQUEST });
    expect(await guest.received()).toMatchObject([{ op: CREDIT_UPDATE, fwdCnt: 0, bufAlloc: mostBuffered }]);
    guest.write(guestPort, host, pattern(40_000));
    guest.write(guestPort, host, pattern(40_000));
    expect(await guest.received()).toEqual([]);
    connection.resume();
    expect(await guest.received()).toMatchObject([{ op: CREDIT_UPDATE, fwdCnt: 80_000 }]);
  });

  test('a guest that sends more than it may is reset, and one that does not is not', async () => {
    const { guest, connection } = await connected();
    const failed = once(connection, 'error');
    for (let sent = 0; sent < mostBuffered; sent += 2 ** 16) guest.write(guestPort, host, pattern(2 ** 16));
    expect(await guest.received()).toEqual([]);
    guest.write(guestPort, host, Buffer.of(1));
    expect(ops(await guest.received())).toEqual([RST]);
    expect((await failed)[0]).toMatchObject({ errno: ECONNRESET });
  });
});

test('any bytes arrive whole and in order, both ways, with any buffers and any credit', async () => {
  const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(100_000)), { maxLength: 8 });
  const guestSizes = fc.array(fc.oneof(fc.nat(300), fc.nat(60_000)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      sizes,
      guestSizes,
      fc.integer({ min: 1, max: 70_000 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      async (fromHost, fromGuest, bufAlloc, payloadSize, buffers, isPacked) => {
        const Kind = isPacked ? PackedDriver : SplitDriver;
        const capacity = 2 ** 18;
        const bufferSize = headerSize + payloadSize;
        const { guest, connection } = await connected({ Kind, buffers, bufferSize, capacity, hasEventIdx: false });
        // Small windows of credit and small buffers make many packets.
        fc.pre(fromHost.reduce((sum, each) => sum + each, 0) / Math.min(bufAlloc, payloadSize) < 300);
        guest.bufAlloc = bufAlloc;
        guest.send({ ...toHost, op: CREDIT_UPDATE });
        await guest.settle();
        const sent = fromHost.map(pattern);
        for (const chunk of sent) connection.write(chunk);
        connection.end();
        const back = fromGuest.map(pattern);
        const queue = [...back];
        const got: Buffer[] = [];
        connection.on('data', (chunk: Buffer) => got.push(chunk));
        const received: Uint8Array[] = [];
        let fwdCnt = 0;
        let inFlight = 0;
        let told = { bufAlloc: mostBuffered, fwdCnt: 0 };
        let written = 0;
        for (let idle = 0; idle < 20; idle++) {
          await turn();
          guest.step();
          for (const packet of guest.inbox.splice(0)) {
            idle = 0;
            expect([RW, SHUTDOWN, CREDIT_UPDATE, CREDIT_REQUEST]).toContain(packet.op);
            received.push(packet.payload);
            told = packet;
            inFlight += packet.payload.length;
            expect(inFlight).toBeLessThanOrEqual(bufAlloc);
          }
          if (inFlight > 0) {
            fwdCnt += inFlight;
            inFlight = 0;
            guest.send({ ...toHost, op: CREDIT_UPDATE, fwdCnt });
          }
          const [next] = queue;
          if (next === undefined || written + next.length - told.fwdCnt > told.bufAlloc) continue;
          if (guest.send({ ...toHost, op: RW, payload: next, fwdCnt })) {
            written += next.length;
            queue.shift();
            idle = 0;
          }
        }
        expect(Buffer.compare(Buffer.concat(received), Buffer.concat(sent))).toBe(0);
        expect(Buffer.compare(Buffer.concat(got), Buffer.concat(back))).toBe(0);
        expect(guest.needsReset).toBe(false);
      },
    ),
    { numRuns: 25 },
  );
});

describe('a guest that breaks the rules', () => {
  test.each([
    ['another source', { srcCid: 4n }, []],
    ['another destination', { dstCid: 5n }, []],
    ['another source beyond 32 bits', { srcCid: BigInt(cid) + 2n ** 32n }, []],
    ['another type', { type: VIRTIO_VSOCK_TYPE_SEQPACKET }, [RST]],
    ['no operation', { op: 0 }, [RST]],
    ['an unknown operation', { op: 99 }, [RST]],
    ['a second request', { op: REQUEST }, [RST]],
    ['a response to nothing', { op: RESPONSE }, [RST]],
    ['a packet of no connection', { srcPort: 4 }, [RST]],
    ['a reset of no connection', { srcPort: 4, op: RST }, []],
    ['more bytes than it may have', { len: 0x10_0000 }, 'needs reset'],
    ['more bytes than there are', { len: 2 }, 'needs reset'],
    ['as many bytes as there can be', { len: 0xffff_ffff }, 'needs reset'],
  ] as const)('is answered: %s', async (_, fields, answer) => {
    const { guest } = await connected();
    guest.send({ ...toHost, op: RW, payload: Uint8Array.of(1), ...fields });
    const packets = await guest.received();
    expect(guest.needsReset ? 'needs reset' : ops(packets)).toEqual(answer);
  });

  test('has less than a header', async () => {
    const { guest } = await connected();
    guest.send({ ...toHost, op: RW }, headerSize - 1);
    expect(guest.needsReset).toBe(true);
  });

  test('offers buffers without room for bytes', async () => {
    const guest = new VsockGuest({ bufferSize: headerSize }).activate();
    void guest.vsock.connect(1).catch(() => {});
    await guest.settle();
    expect([guest.needsReset, guest.inbox]).toEqual([true, []]);
  });

  test('that does not take answers is answered later, and nothing is lost or grows', async () => {
    const guest = new VsockGuest({ buffers: 0, capacity: 2 ** 13 }).activate();
    let sent = 0;
    for (let tries = 0; tries < 5000; tries++) {
      if (guest.send({ op: REQUEST, srcPort: sent, dstPort: 9 })) sent++;
      if (tries % 50 === 0) await guest.settle();
    }
    // Both rings and the queue are full.
    expect(sent).toBeGreaterThan(2 * (2 ** 13 / 64));
    expect(sent).toBeLessThan(2 * (2 ** 13 / 48) + 64);
    guest.addBuffers(4);
    const packets = await guest.received();
    expect(packets.every(({ op }) => op === RST)).toBe(true);
    expect(packets.map(({ dstPort }) => dstPort)).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  test('cannot have more connections than there may be, nor can the host', async () => {
    const guest = new VsockGuest().activate();
    const all: VsockConnection[] = [];
    guest.vsock.listen(host, (connection) => all.push(connection));
    for (let port = 0; port < mostConnections; port++) {
      while (!guest.send({ op: REQUEST, srcPort: port, dstPort: host })) guest.step();
      if (port % 8 === 0) guest.step();
    }
    await guest.settle();
    expect(all.length).toBe(mostConnections);
    expect(guest.inbox.splice(0).every(({ op }) => op === RESPONSE)).toBe(true);
    expect(ops(await guest.connect(70_000, host))).toEqual([RST]);
    await expect(guest.vsock.connect(1)).rejects.toMatchObject({ errno: EMFILE });
    // What the guest has closed still counts until it is read.
    guest.write(0, host, Buffer.of(1));
    guest.send({ srcPort: 0, dstPort: host, op: SHUTDOWN, flags: both });
    await guest.received();
    expect(ops(await guest.connect(70_000, host))).toEqual([RST]);
    all[0]?.resume();
    await guest.settle();
    expect(ops(await guest.connect(70_000, host))).toEqual([RESPONSE]);
    all[1]?.destroy();
    await guest.received();
    expect(ops(await guest.connect(70_001, host))).toEqual([RESPONSE]);
  });
});

describe('all connections are gone, and listeners stay', () => {
  test('after a reset of the device', async () => {
    const { guest, connection } = await connected();
    const promise = guest.vsock.connect(5000);
    await guest.received();
    connection.write('of before');
    guest.device.reset();
    const [failed] = await Promise.all([
      once(connection, 'error'),
      expect(promise).rejects.toMatchObject({ errno: ECONNRESET }),
      guest.settle(),
    ]);
    expect(failed[0]).toMatchObject({ errno: ECONNRESET });
    guest.activate();
    expect(await guest.received()).toEqual([]);
    expect(ops(await guest.connect(guestPort, host))).toEqual([RESPONSE]);
  });

  test('a reset before the driver is ready keeps those that wait', async () => {
    const guest = new VsockGuest();
    void guest.vsock.connect(5000);
    guest.device.reset();
    await guest.settle();
    guest.activate();
    expect(ops(await guest.received())).toEqual([REQUEST]);
  });

  test.each([true, false])(
    'after a load: the driver is told, and acknowledges it first (EVENT_IDX: %s)',
    async (idx) => {
      const { guest, connection } = await connected({ hasEventIdx: idx });
      const { memory, driver } = guest.event;
      const offer = (): void => {
        driver.add([{ address: 0x8000, length: 4, isWritable: true }]);
        if (driver.mustRing) guest.device.notify(2);
      };
      for (let i = 0; i < 8; i++) offer();
      memory.write(0x8000, Uint8Array.of(9, 9, 9, 9));
      expect(driver.used()).toBeUndefined();
      guest.device.load(guest.device.save());
      guest.activate();
      await guest.settle();
      expect(connection.destroyed).toBe(true);
      expect(driver.used()).toMatchObject({ length: 4 });
      expect(Buffer.from(memory.read(0x8000, 4)).readUInt32LE(0)).toBe(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
      void guest.vsock.connect(5000);
      expect(ops(await guest.connect(guestPort, host))).toEqual([]);
      offer();
      expect(ops(await guest.received()).toSorted()).toEqual([REQUEST, RESPONSE]);
      expect(() => guest.device.load({ version: 2 })).toThrow(KvmError);
    },
  );

  test('a driver that has no buffer for the event is told when it has one', async () => {
    const { guest } = await connected();
    guest.device.load({ version: 1 });
    guest.activate();
    expect(ops(await guest.connect(guestPort, host))).toEqual([]);
    const offer = (): void => {
      guest.event.driver.add([{ address: 0x8000, length: 4, isWritable: true }]);
      guest.device.notify(2);
    };
    offer();
    expect(await guest.received()).toEqual([]);
    offer();
    expect(ops(await guest.received())).toEqual([RESPONSE]);
  });
});
