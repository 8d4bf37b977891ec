import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeUnless } from '../../../test/backends.js';
import { kvmError } from '../../../test/errors.js';
import {
  ARM64_SYS_REG,
  ArmIrqType,
  KVM_REG_ARM64_SVE_ZREG,
  KVM_REG_SIZE,
  KvmGuestDebug,
  KvmPmuEventFilter,
  KvmRegs,
  VmType,
} from '../../abi/arm64/index.js';
import { CoreReg } from './core-regs.js';
import { ccsidrReg, FirmwareReg, TimerReg } from './firmware-regs.js';
import { guestDebug, type HardwareBreakpoint } from './guest-debug.js';
import { irqNumber } from './irq-number.js';
import { machineType } from './machine-type.js';
import { SysReg } from './sys-regs.js';

describe('the ids of arm64', () => {
  test('of core registers match the table in the API documentation of the kernel', () => {
    expect(CoreReg).toMatchObject({
      x0: 0x6030_0000_0010_0000n,
      x1: 0x6030_0000_0010_0002n,
      x30: 0x6030_0000_0010_003cn,
      sp: 0x6030_0000_0010_003en,
      pc: 0x6030_0000_0010_0040n,
      pstate: 0x6030_0000_0010_0042n,
      spEl1: 0x6030_0000_0010_0044n,
      elrEl1: 0x6030_0000_0010_0046n,
      spsrEl1: 0x6030_0000_0010_0048n,
      spsrAbt: 0x6030_0000_0010_004an,
      spsrFiq: 0x6030_0000_0010_0050n,
      v0: 0x6040_0000_0010_0054n,
      v31: 0x6040_0000_0010_00d0n,
      fpsr: 0x6020_0000_0010_00d4n,
      fpcr: 0x6020_0000_0010_00d5n,
    });
  });

  test('of core registers cover all used parts of struct kvm_regs, without overlap', () => {
    const words = Object.values(CoreReg).flatMap((id) =>
      Array.from({ length: KVM_REG_SIZE(id) / 4 }, (_, i) => Number(id & 0xffffn) + i),
    );
    expect(new Set(words).size).toBe(words.length);
    const padding = 2 + new KvmRegs().fpRegs.reserved.length;
    expect(words).toHaveLength(KvmRegs.size / 4 - padding);
  });

  test('contain the length of a register', () => {
    expect([CoreReg.pc, CoreReg.v0, CoreReg.fpcr, SysReg.SCTLR_EL1].map(KVM_REG_SIZE)).toEqual([8, 16, 4, 8]);
    expect(KVM_REG_SIZE(KVM_REG_ARM64_SVE_ZREG(0, 0))).toBe(256);
    expect(KVM_REG_SIZE(FirmwareReg.psciVersion)).toBe(8);
    expect(ccsidrReg(3)).toBe(0x6020_0000_0011_0003n);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => ccsidrReg(256));
  });

  test('of system registers are all different, and those of two timer registers are swapped', () => {
    const ids = Object.values(SysReg);
    expect(new Set(ids).size).toBe(ids.length);
    expect(TimerReg.CNTVCT_EL0).toBe(ARM64_SYS_REG(3, 3, 14, 3, 2));
    expect(TimerReg.CNTV_CVAL_EL0).toBe(ARM64_SYS_REG(3, 3, 14, 0, 2));
  });
});

/** Assembles `mrs x0, NAME` for each name that one version of the architecture has. Returns the ids. */
function encodings(names: readonly string[], march: string): Map<string, bigint> {
  const folder = mkdtempSync(join(tmpdir(), 'sys-regs-'));
  const assemble = (some: readonly string[]) => {
    writeFileSync(join(folder, 'a.s'), some.map((name) => `mrs x0, ${name}\n`).join(''));
    return spawnSync(
      'clang-19',
      ['-target', 'aarch64-linux-gnu', `-march=${march}`, '-ferror-limit=0', '-c', '-o', 'a.o', 'a.s'],
      { cwd: folder, encoding: 'utf8' },
    );
  };
  const unknown = new Set(
    [...assemble(names).stderr.matchAll(/^a\.s:(\d+):\d+: error/gm)].map(([, line]) => Number(line) - 1),
  );
  const known = names.filter((_, i) => !unknown.has(i));
  expect(assemble(known).status).toBe(0);
  const object = readFileSync(join(folder, 'a.o'));
  rmSync(folder, { recursive: true });
  // The code follows the ELF header of 64 bytes.
  const code = new DataView(object.buffer, object.byteOffset + 64);
  return new Map(
    known.map((name, i) => {
      const word = code.getUint32(4 * i, true);
      const field = (shift: number, bits: number) => (word >>> shift) & ((1 << bits) - 1);
      return [name, ARM64_SYS_REG(2 + field(19, 1), field(16, 3), field(12, 4), field(8, 4), field(5, 3))];
    }),
  );
}

/** The file may exist but not run, if it was installed for another architecture and is shared with this machine. */
const works = spawnSync('clang-19', ['--version']).status === 0;
const noClang = works ? undefined : 'clang-19 does not run here: apt-get install clang-19';
describeUnless(noClang, 'the ids of system registers', () => {
  test('are those that an assembler gives their names', () => {
    const names = Object.keys(SysReg);
    const found = new Map(
      ['armv8.5-a+memtag+sve', 'armv9.4-a+sme2+the+rcpc3', 'armv9.5-a+fp8+sme2'].flatMap((march) => [
        ...encodings(names, march),
      ]),
    );
    expect(Object.fromEntries(found)).toEqual(SysReg);
  });
});

describe('the argument of KVM_SET_GUEST_DEBUG on arm64', () => {
  const debug = (breakpoints: readonly HardwareBreakpoint[]) => KvmGuestDebug.from(guestDebug({ breakpoints }));

  test('has a register pair for each breakpoint and each watchpoint', () => {
    const { control, arch } = debug([
      { address: 0x1000n },
      { address: 0x2004n, on: 'write', length: 4 },
      { address: 0x2001n, on: 'read' },
      { address: 0x2008n, on: 'access', length: 8 },
      { address: 0x1004n, on: 'execute' },
    ]);
    expect(control).toBe(0x20001);
    expect([arch.dbgBvr[0], arch.dbgBcr[0], arch.dbgBvr[1], arch.dbgBcr[1]]).toEqual([
      0x1000n,
      0x1e7n,
      0x1004n,
      0x1e7n,
    ]);
    expect([...arch.dbgWvr.slice(0, 4)]).toEqual([0x2000n, 0x2000n, 0x2008n, 0n]);
    expect([...arch.dbgWcr.slice(0, 4)]).toEqual([
      0b1111_0000_10_11_1n,
      0b0000_0010_01_11_1n,
      0b1111_1111_11_11_1n,
      0n,
    ]);
  });

  test('is all zeros without options', () => {
    expect(KvmGuestDebug.from(guestDebug({})).bytes.every((byte) => byte === 0)).toBe(true);
    expect(guestDebug({ singleStep: true }).control).toBe(3);
    expect(guestDebug({ softwareBreakpoints: true }).control).toBe(0x10001);
  });

  test('refuses breakpoints that the processor does not support', () => {
    const wrong = (value: unknown): never => value as never;
    for (const breakpoint of [
      { address: 0x1002n },
      { address: 0x2002n, on: 'write', length: 4 },
      { address: 0x2000n, on: 'write', length: wrong(3) },
      { address: 0x2000n, length: 4 },
      { address: 0x2000n, on: wrong('sometimes') },
      wrong(undefined),
    ] as const) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => debug([breakpoint]));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => debug([{ address: wrong(0x2000) }]));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => debug(Array.from({ length: 17 }, () => ({ address: 0n }))));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => guestDebug(wrong(null)));
  });
});

test('irqNumber encodes the type, vCPU and number of an interrupt', () => {
  expect(irqNumber({ type: ArmIrqType.Spi, number: 32 })).toBe(0x0100_0020);
  expect(irqNumber({ type: ArmIrqType.Ppi, number: 27, vcpu: 3 })).toBe(0x0203_001b);
  expect(irqNumber({ type: ArmIrqType.Ppi, number: 27, vcpu: 0x102 })).toBe(0x1202_001b);
  expect(irqNumber({ type: ArmIrqType.Cpu, number: 1, vcpu: 0xfff })).toBe(0xf0ff_0001);
  for (const wrong of [
    { type: 3 as never, number: 0 },
    { type: ArmIrqType.Spi, number: 0x10000 },
    { type: ArmIrqType.Ppi, number: 16, vcpu: 0x1000 },
  ]) {
    kvmError('ERR_KVM_OUT_OF_RANGE', () => irqNumber(wrong));
  }
});

test('machineType encodes the address size and protection', () => {
  expect(machineType({})).toBe(0);
  expect(machineType({ ipaSize: 48 })).toBe(48);
  expect(machineType({ ipaSize: 40, protected: true })).toBe(VmType.ArmProtected + 40);
  kvmError('ERR_KVM_OUT_OF_RANGE', () => machineType({ ipaSize: 31 }));
  kvmError('ERR_KVM_OUT_OF_RANGE', () => machineType({ ipaSize: 53 }));
  kvmError('ERR_KVM_INVALID_ARGUMENT', () => machineType({ protected: 1 as never }));
});

test('a PMU event filter has a count of 16 bits, and no list of events as on x86', () => {
  expect(KvmPmuEventFilter.from({ nevents: 0xffff }).nevents).toBe(0xffff);
  kvmError('ERR_KVM_OUT_OF_RANGE', () => KvmPmuEventFilter.from({ nevents: 0x10000 }));
});
