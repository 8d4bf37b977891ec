import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { EpollEvent } from '@kvm/core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { backend, NetRig } from '../../../test/net-rig.js';
import { VIRTIO_NET_F_MRG_RXBUF } from '../../abi/virtio/constants.js';
import { GuestDma } from '../../memory/guest-dma.js';
import { bit } from '../features.js';
import { makeNet } from './make-net.js';
import { type NetOptions, type OpenNet, openNet } from './open-net.js';
import { argumentsOf, openPasst } from './open-passt.js';
import { StreamLink } from './stream-link.js';
import { TapLink } from './tap-link.js';

const place = mkdtempSync(join(tmpdir(), 'kvm-net-'));
afterAll(() => rmSync(place, { recursive: true }));

const opened: OpenNet[] = [];
afterEach(() => {
  for (const net of opened.splice(0)) net.close();
});
function open(options: NetOptions): OpenNet {
  const net = openNet(options, backend);
  opened.push(net);
  return net;
}

/** An error as a user sees it: what is wrong, and what to do. */
function refusal(options: NetOptions): string {
  try {
    open(options);
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return message.includes(hint ?? '') ? message : `${message} (${hint})`;
  }
  return 'nothing';
}

/** What `arping` sends: who has an address? */
function arpRequest(asked: readonly number[]): Uint8Array {
  const mac = [2, 0, 0, 0, 0, 1];
  const head = [...Array(6).fill(0xff), ...mac, 0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1];
  return Uint8Array.from([...head, ...mac, 0, 0, 0, 0, ...Array(6).fill(0), ...asked, ...Array(18).fill(0)]);
}

/** Asks by ARP until there is an answer. */
async function resolve(rig: NetRig, asked: readonly number[]): Promise<void> {
  for (let i = 0; i < 500; i++) {
    rig.add(0, [12, 1514], true);
    rig.notify(0);
    if (i % 20 === 0) rig.transmit(arpRequest(asked));
    rig.notify(1);
    rig.sent();
    rig.turn();
    for (const frame of rig.received()) {
      const [type, kind] = [(frame[12] as number) * 256 + (frame[13] as number), frame[21]];
      if (type === 0x0806 && kind === 2 && Buffer.from(frame.subarray(28, 32)).equals(Uint8Array.from(asked))) return;
    }
    await after(10);
  }
  throw new Error('nobody answers');
}

test('an address of its own is random, local, and of one card', () => {
  const path = join(place, 'random');
  const macs = Array.from({ length: 8 }, () => {
    const net = openNet({ type: 'socket', path, listen: true }, backend);
    net.close();
    return net.plan.mac;
  });
  for (const mac of macs) expect([mac.length, (mac[0] as number) & 3]).toEqual([6, 2]);
  expect(new Set(macs.map(String)).size).toBe(8);
  expect(open({ type: 'socket', path, listen: true, mac: '02:aB:00:ff:10:01' }).plan.mac).toEqual([
    2, 0xab, 0, 255, 16, 1,
  ]);
});

describe('a socket', () => {
  test('connects two cards, and its listener takes the next one after that', () => {
    const path = join(place, 'pair');
    const watches = new Map<number, { events: number; ready: (events: number) => void }>();
    const wires = {
      watch: (fd: number, events: number, ready: (events: number) => void) => {
        const watch = { events, ready };
        watches.set(fd, watch);
        return {
          setEvents: (changed: number) => {
            watch.events = changed;
          },
          close: () => watches.delete(fd),
        };
      },
      onClose: (close: () => void) => closers.push(close),
    };
    const closers: (() => void)[] = [];
    const { plan } = open({ type: 'socket', path, listen: true });
    const turn = (): void => {
      for (const [fd, { events, ready }] of [...watches]) if (fd !== plan.link.fd && events !== 0) ready(EpollEvent.In);
    };
    const driver = new NetRig();
    const net = makeNet(plan, 'net0', { wires, memory: driver.memory, backend });
    const dma = new GuestDma(driver.memory);
    net.activate(
      driver.drivers.map((each) => each.open(dma, {})),
      bit(VIRTIO_NET_F_MRG_RXBUF),
    );
    for (const queue of [0, 1, 2]) net.notify(queue);
    const listener = watches.get(plan.link.fd);
    for (let i = 0; i < 3; i++) {
      expect([net.config[6], listener?.events]).toEqual([0, EpollEvent.In]);
      const other = open({ type: 'socket', path });
      listener?.ready(EpollEvent.In);
      expect([net.config[6], listener?.events]).toEqual([1, 0]);
      const rig = new NetRig({ link: (vector) => new StreamLink(other.plan.link.fd, vector, backend) });
      rig.activate();
      rig.transmit(Uint8Array.from({ length: 60 }, () => i));
      rig.notify(1);
      driver.add(0, [2000], true);
      net.notify(0);
      turn();
      expect(driver.received()).toEqual([Uint8Array.from({ length: 60 }, () => i)]);
      other.close();
      turn();
    }
    for (const close of closers) close();
  });

  test('is refused with what to do', async () => {
    const path = join(place, 'busy');
    expect(refusal({ type: 'socket', path })).toMatch(/busy cannot be connected to: ENOENT.*start the program/);
    expect(refusal({ type: 'socket', path: join(place, 'no/where'), listen: true })).toMatch(/ENOENT.*its folder/);
    expect(refusal({ type: 'socket', path: 'x'.repeat(200) })).toMatch(/ENAMETOOLONG.*107/);
    writeFileSync(join(place, 'file'), '');
    expect(refusal({ type: 'socket', path: join(place, 'file'), listen: true })).toMatch(/EADDRINUSE.*another path/);
    expect(existsSync(join(place, 'file'))).toBe(true);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(path, listening));
    expect(refusal({ type: 'socket', path, listen: true })).toMatch(/EADDRINUSE.*another program/);
    await new Promise((closed) => server.close(closed));
  });

  test('of a program that has gone is replaced, and removed at the end', () => {
    const path = join(place, 'stale');
    const program = `require('net').createServer().listen('${path}', () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', program]);
    expect(existsSync(path)).toBe(true);
    const net = open({ type: 'socket', path, listen: true });
    net.close();
    net.close();
    expect(existsSync(path)).toBe(false);
  });
});

describe('passt', () => {
  test('gets ports, the MTU, and no way to the loopback of the host', () => {
    const always = ['--foreground', '--quiet', '--stderr', '--fd', '3', '--pid', '/proc/self/fd/4'];
    expect(argumentsOf({ type: 'passt' })).toEqual([...always, '--no-map-gw']);
    const ports = ['8080:80', '127.0.0.1:5353:53/udp', '2222:22/tcp'];
    expect(argumentsOf({ type: 'passt', ports, hostLoopback: true, mtu: 1400 })).toEqual([
      ...always,
      ...['--mtu', '1400'],
      ...['--tcp-ports', '8080:80', '--udp-ports', '127.0.0.1/5353:53', '--tcp-ports', '2222:22'],
    ]);
  });

  test('is refused if it is not installed, or with its own last words', async () => {
    const missing = openPasst({ type: 'passt' }, backend, join(place, 'passt'));
    await expect(missing.ready).rejects.toThrow(/passt is not installed/);
    missing.close();
    const program = join(place, 'broken-passt');
    const words = 'Failed to bind any port for -t 80:80, exiting\nFailed to send 45 bytes to syslog\n';
    writeFileSync(program, `#!/bin/sh\nprintf '${words.replaceAll('\n', '\\n')}' >&2\nexit 1\n`, { mode: 0o755 });
    const broken = openPasst({ type: 'passt' }, backend, program);
    await expect(broken.ready).rejects.toThrow('passt has ended: Failed to bind any port for -t 80:80, exiting');
    broken.close();
  });

  const route = spawnSync('ip', ['route', 'show', 'default'], { encoding: 'utf8' }).stdout ?? '';
  const gateway = /via (\d+\.\d+\.\d+\.\d+)/.exec(route)?.[1];
  const isInstalled = spawnSync('passt', ['--version']).error === undefined;
  test.skipIf(!isInstalled || gateway === undefined)('answers for the gateway of the host', async () => {
    const net = open({ type: 'passt' });
    await net.ready;
    const rig = new NetRig({ link: (vector) => new StreamLink(net.plan.link.fd, vector, backend) });
    rig.activate();
    await resolve(rig, (gateway as string).split('.').map(Number));
  });
});

/** Runs `ip`, if this host has it and lets this user change its interfaces. */
function ip(...args: string[]): boolean {
  return spawnSync('ip', args).status === 0;
}
const tap = `kvmtap${process.pid % 10_000}`;
const mayMakeTaps = ip('tuntap', 'add', 'dev', tap, 'mode', 'tap') && ip('link', 'del', tap);

describe('a tap', () => {
  beforeAll(() => void (mayMakeTaps && ip('tuntap', 'add', 'dev', tap, 'mode', 'tap')));
  afterAll(() => void (mayMakeTaps && ip('link', 'del', tap)));

  test('that is not there is refused, and not made', () => {
    expect(refusal({ type: 'tap', name: 'no-such-tap' })).toMatch(
      /there is no tap no-such-tap.*ip tuntap add dev no-such/,
    );
  });

  test.skipIf(!mayMakeTaps)('is refused if it is none, or in use', () => {
    expect(refusal({ type: 'tap', name: 'lo' })).toMatch(/lo is no tap/);
    open({ type: 'tap', name: tap });
    expect(refusal({ type: 'tap', name: tap })).toMatch(/in use by another program/);
  });

  test.skipIf(!mayMakeTaps)('carries frames to and from the host', async () => {
    ip('addr', 'add', '198.18.77.1/24', 'dev', tap);
    ip('link', 'set', tap, 'up');
    const net = open({ type: 'tap', name: tap });
    const rig = new NetRig({ link: (vector) => new TapLink(net.plan.link.fd, vector, backend) });
    rig.activate();
    await resolve(rig, [198, 18, 77, 1]);
  });
});
