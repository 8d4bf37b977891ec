import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { kvmError } from '../../../kvm-core/test/errors.js';
import { sizesGuest } from '../../test/console-guest.js';
import { flat } from '../x86/boot-options.js';
import { Machine } from './machine.js';

/** Protected-mode code that never ends: `jmp .`. */
const spin = flat({ image: Uint8Array.of(0xeb, 0xfe), mode: 'protected' });

onEachBackend('the streams of a machine', (backend) => {
  test('a guest sees each size of its console, and what it writes in an emergency is output', async () => {
    await using machine = await Machine.create({
      memory: '1M',
      boot: flat({ image: sizesGuest([80, 25], [300, 500]), mode: 'protected' }),
      console: 'virtio',
      kvm: { backend },
    });
    machine.resizeConsole(80, 25);
    let output = '';
    machine.console.on('data', (chunk: Buffer) => {
      if (output === '') machine.resizeConsole(300, 500);
      output += chunk.toString();
    });
    machine.start();
    expect(await machine.done).toEqual({ kind: 'exit', status: 42 });
    expect(output).toBe('RR');
    // Nobody is there to be told.
    machine.resizeConsole(1, 1);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => machine.resizeConsole(65_536, 1));
  });

  test('what a machine does not have is refused', async () => {
    await using machine = await Machine.create({ memory: '1M', boot: spin, ports: ['a', 'b.c'], kvm: { backend } });
    expect(machine.port('a')).not.toBe(machine.port('b.c'));
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => machine.port('b')).hint).toBe('its ports: a, b.c');
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => machine.resizeConsole(80, 25)).hint).toBe("console: 'virtio'");
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => machine.balloon).hint).toBe('balloon: true');
  });

  test('a balloon has a target, and a guest that never answers does not outlive its machine', async () => {
    const machine = await Machine.create({ memory: '1M', boot: spin, balloon: '9000', kvm: { backend } });
    const { balloon } = machine;
    expect([balloon.target, balloon.size]).toEqual([8192, 0]);
    balloon.setTarget('64K');
    expect(balloon.target).toBe(65_536);
    for (const wrong of ['1M', -1, 2 ** 60]) kvmError('ERR_KVM_OUT_OF_RANGE', () => balloon.setTarget(wrong));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => balloon.setTarget('much'));
    const stats = balloon.stats();
    machine.start();
    await machine.close();
    await expect(stats).rejects.toBeInstanceOf(KvmError);
    await expect(balloon.stats()).rejects.toMatchObject({ code: 'ERR_KVM_CLOSED' });
    balloon.setTarget(0);
  });
});
