import { type GsiRoute, IrqfdFlag, Kvm, LapicRegister } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { GsiRoutes } from './gsi-routes.js';
import { Irqfd } from './irqfd.js';

const apic = 0xfee0_0000n;

/** An interrupt, what was asked of the kernel for it, and the vectors that wait in the local APIC. */
interface Subject {
  irqfd: Irqfd;
  calls: string[];
  vectors(): readonly number[];
}

onEachBackend('an interrupt by message', (backend) => {
  const withIrqfd = async (visit: (subject: Subject) => Promise<void>): Promise<void> => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using vcpu = vm.createVcpu(0);
    using eventfd = vm.createEventFd();
    const lapic = vcpu.getLapic();
    lapic.set(LapicRegister.Svr, 0x1ff);
    vcpu.setLapic(lapic);
    const calls: string[] = [];
    const setRoutes = (table: readonly GsiRoute[]): void => {
      calls.push(`routes ${table.length}`);
      vm.setGsiRouting(table);
    };
    const irqfd = new Irqfd({
      vm: {
        irqfd: (config) => {
          calls.push(config.flags === IrqfdFlag.Deassign ? 'disconnect' : 'connect');
          vm.irqfd(config);
        },
      },
      eventfd,
      routes: new GsiRoutes(setRoutes, [], 24),
      isInterrupt: (address) => address >= apic,
    });
    await visit({ irqfd, calls, vectors: () => vcpu.getLapic().vectors(LapicRegister.Irr) });
  };

  test('waits while it has no message, and arrives when it has one', () =>
    withIrqfd(async ({ irqfd, calls, vectors }) => {
      irqfd.signal();
      expect([irqfd.isPending, vectors()]).toEqual([true, []]);
      irqfd.route({ address: apic, data: 0x41 });
      await expect.poll(vectors).toEqual([0x41]);
      expect([irqfd.isPending, calls]).toEqual([false, ['routes 1', 'connect']]);
      irqfd.route(undefined);
      irqfd.signal();
      expect([irqfd.isPending, vectors()]).toEqual([true, [0x41]]);
      irqfd.clear();
      expect(irqfd.isPending).toBe(false);
      irqfd.route({ address: apic, data: 0x41 });
      irqfd.route({ address: apic, data: 0x42 });
      irqfd.signal();
      await expect.poll(vectors).toEqual([0x41, 0x42]);
      expect(calls.slice(2)).toEqual(['disconnect', 'connect', 'routes 1']);
    }));

  test('leads nowhere with a message that is none', () =>
    withIrqfd(async ({ irqfd, calls, vectors }) => {
      irqfd.route({ address: 0x1000n, data: 0x41 });
      irqfd.signal();
      expect([irqfd.isPending, vectors(), calls]).toEqual([true, [], []]);
    }));
});
