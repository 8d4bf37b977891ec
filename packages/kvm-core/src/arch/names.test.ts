import { expect, test } from 'vitest';
import { Cap, CpuidFlag, ExitReason, MemoryFlag, PitFlag } from '../abi/x86/index.js';
import { allCaps, capByName, capName, exitReasonName } from '../index.js';

test('every capability has a name, and every name leads back', () => {
  expect(allCaps().length).toBeGreaterThan(200);
  for (const cap of allCaps()) {
    expect(capName(cap)).toMatch(/^KVM_CAP_[A-Z0-9_]+$/);
    expect(capByName(capName(cap))).toBe(cap);
  }
  for (const [name, cap] of Object.entries(Cap)) expect(capByName(name)).toBe(cap);
  expect([capName(Cap.IrqChip), Cap.IrqChip]).toEqual(['KVM_CAP_IRQCHIP', 0]);
  expect(capName(9999)).toBe('KVM_CAP_(9999)');
  for (const name of ['', 'KVM_CAP_NO_SUCH', 'toString', '__proto__']) expect(capByName(name)).toBeUndefined();
});

test('every exit reason has a name', () => {
  expect(Object.values(ExitReason).length).toBeGreaterThanOrEqual(38);
  for (const reason of Object.values(ExitReason)) expect(exitReasonName(reason)).toMatch(/^KVM_EXIT_[A-Z0-9_]+$/);
  expect([exitReasonName(ExitReason.Io), ExitReason.Io]).toEqual(['KVM_EXIT_IO', 2]);
  expect(exitReasonName(1000)).toBe('KVM_EXIT_(1000)');
  expect(exitReasonName('toString' as never)).toBe('KVM_EXIT_(toString)');
});

test('the flags have the numbers of the Go package', () => {
  expect(MemoryFlag).toMatchObject({ LogDirtyPages: 1, Readonly: 2 });
  expect(CpuidFlag).toMatchObject({ SignificantIndex: 1, StatefulFunc: 2, StateReadNext: 4 });
  expect(PitFlag).toMatchObject({ SpeakerDummy: 1 });
});
