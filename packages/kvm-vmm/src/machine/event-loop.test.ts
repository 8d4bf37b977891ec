import { Worker } from 'node:worker_threads';
import { EpollEvent, type EventFd } from '@kvm/core';
import { beforeEach, expect, test } from 'vitest';
import { onEachLoadedBackend } from '../../../kvm-core/test/backends.js';
import { createEpoll, createEventFd } from '../../test/event-fds.js';
import { Bell } from './bell.js';
import { Word, words } from './control.js';
import { EventLoop } from './event-loop.js';

onEachLoadedBackend('the event loop of the device thread', (name) => {
  let control: Int32Array;
  let wake: EventFd;
  let loop: EventLoop;
  let bell: Bell;
  const eventfd = (): EventFd => createEventFd(name);

  beforeEach(() => {
    control = new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));
    wake = eventfd();
    loop = new EventLoop(control, createEpoll(name), wake);
    bell = new Bell(control, wake);
  });

  test('sleeps until its time is over, and not while the bell has rung since it looked', () => {
    loop.look();
    expect(loop.sleep(0)).toBe(true);
    expect(loop.sleep(1.5)).toBe(true);
    bell.ring();
    expect(loop.sleep(Number.POSITIVE_INFINITY)).toBe(false);
    loop.look();
    expect(loop.sleep(0)).toBe(true);
  });

  test('is woken by the bell of another thread', async () => {
    const source = `const { workerData } = require('node:worker_threads');
      import(workerData.bell).then(async ({ Bell }) => {
        const { EventFd } = await import(workerData.core);
        const wake = EventFd.from(workerData.wake);
        const bell = new Bell(workerData.control, wake);
        while (Atomics.load(workerData.control, ${Word.Asleep}) === 0);
        bell.ring();
        wake.close();
      });`;
    const worker = new Worker(source, {
      eval: true,
      workerData: {
        bell: new URL('../../dist/machine/bell.js', import.meta.url).href,
        core: new URL('../../../kvm-core/dist/index.js', import.meta.url).href,
        control,
        wake: wake.share(),
      },
    });
    loop.look();
    // The Worker needs this thread to start: its first sleeps are short.
    let isOver = true;
    while (isOver) {
      isOver = loop.sleep(10);
      await new Promise(setImmediate);
    }
    expect(Atomics.load(control, Word.Bell)).toBe(1);
    await worker.terminate();
  });

  test('calls those whose doorbells rang, once for many rings', () => {
    const calls: number[] = [];
    const doorbells = [eventfd(), eventfd(), eventfd()];
    for (const [i, doorbell] of doorbells.entries()) loop.onDoorbell(doorbell, () => calls.push(i));
    for (const i of [2, 0, 2]) doorbells[i]?.write();
    loop.look();
    expect(loop.sleep(Number.POSITIVE_INFINITY)).toBe(false);
    expect(calls).toEqual([]);
    // Events that wait to be dispatched end a sleep at once.
    expect(loop.sleep(Number.POSITIVE_INFINITY)).toBe(false);
    loop.dispatch();
    expect(calls.sort()).toEqual([0, 2]);
    loop.dispatch();
    expect([calls.length, loop.sleep(0)]).toEqual([2, true]);
    // A doorbell may be rung by whoever it calls.
    const again = eventfd();
    let left = 3;
    loop.onDoorbell(again, () => {
      if (--left > 0) again.write();
    });
    again.write();
    while (!loop.sleep(0)) loop.dispatch();
    expect(left).toBe(0);
  });

  test('watches a descriptor as long as it is ready, for what it is asked', () => {
    const ready = eventfd();
    const seen: number[] = [];
    const watch = loop.watch(ready.fd, EpollEvent.In, (events) => seen.push(events));
    const turn = (): void => {
      loop.sleep(0);
      loop.dispatch();
    };
    turn();
    ready.write();
    turn();
    turn();
    expect(seen).toEqual([EpollEvent.In, EpollEvent.In]);
    watch.setEvents(EpollEvent.Out);
    turn();
    expect(seen.at(-1)).toBe(EpollEvent.Out);
    // It may be closed between its events and their dispatch.
    loop.sleep(0);
    watch.close();
    loop.dispatch();
    turn();
    expect(seen.length).toBe(3);
  });
});
