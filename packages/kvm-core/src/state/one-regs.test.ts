import { describe, expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import * as arm64 from '../abi/arm64/index.js';
import { KVM_REG_SIZE } from '../abi/riscv/index.js';
import { vcpuStateParts as armParts } from '../arch/arm64/vcpu-state.js';
import { doubleReg, IsaExtReg } from '../arch/riscv/extensions.js';
import { CoreReg } from '../arch/riscv/register-ids.js';
import { vcpuStateParts as riscvParts } from '../arch/riscv/vcpu-state.js';
import { KvmError } from '../errors/kvm-error.js';
import { type Registers, registersPart } from './one-regs.js';
import { restoreParts, savedParts } from './parts.js';
import { SavedState } from './saved-state.js';

/** A fake vCPU with these registers, some of them read-only; it records its calls. */
class FakeVcpu implements Registers {
  readonly calls: string[] = [];
  readonly #values: Map<bigint, bigint | Uint8Array<ArrayBuffer>>;
  readonly #fixed: ReadonlySet<bigint>;

  constructor(values: readonly (readonly [bigint, bigint | Uint8Array<ArrayBuffer>])[], fixed: readonly bigint[] = []) {
    this.#values = new Map(values);
    this.#fixed = new Set(fixed);
  }

  getRegList(): BigUint64Array {
    return BigUint64Array.from(this.#values.keys());
  }

  getOneReg(id: bigint): bigint | Uint8Array<ArrayBuffer> {
    const value = this.#values.get(id);
    if (value === undefined) throw new KvmError('ERR_KVM_SYSCALL', 'no such register');
    return value;
  }

  setOneReg(id: bigint, value: bigint | Uint8Array): void {
    this.calls.push(`set ${id.toString(16)}`);
    if (this.#fixed.has(id) || !this.#values.has(id)) throw new KvmError('ERR_KVM_SYSCALL', 'refused');
    const bytes = Buffer.from(value as Uint8Array);
    const number = bytes.length > 8 ? new Uint8Array(bytes) : BigInt(`0x${bytes.reverse().toString('hex')}`);
    this.#values.set(id, number);
  }
}

const part = registersPart<FakeVcpu>({
  vcpuOf: (vcpu) => vcpu,
  sizeOf: KVM_REG_SIZE,
  has: () => true,
  first: () => false,
});

const long = new Uint8Array(16).map((_, i) => i);
/** Registers of 4, 8 and 16 bytes. */
const [word, double, vector] = [0x8020_0000_0000_0001n, 0x8030_0000_0000_0002n, 0x8040_0000_0000_0003n];
const values = [
  [word, 0xdead_beefn],
  [double, 0x1122_3344_5566_7788n],
  [vector, long],
] as const;

function saved(vcpu: FakeVcpu): Uint8Array {
  return part.save(vcpu) as Uint8Array;
}

describe('the registers of a vCPU', () => {
  test('are saved and restored in order, for every length', () => {
    const bytes = saved(new FakeVcpu(values));
    expect(bytes).toHaveLength(3 * 8 + 4 + 8 + 16);
    const other = new FakeVcpu(values.map(([id]) => [id, 0n]));
    part.restore(other, bytes)();
    expect(values.map(([id]) => other.getOneReg(id))).toEqual(values.map(([, value]) => value));
    expect(other.calls).toEqual(values.map(([id]) => `set ${id.toString(16)}`));
  });

  test('may be read-only if they have the same value', () => {
    const bytes = saved(new FakeVcpu(values));
    part.restore(new FakeVcpu(values, [word, vector]), bytes)();
    const other = new FakeVcpu(
      values.map(([id, value]) => [id, id === word ? 1n : value]),
      [word],
    );
    expect(kvmError('ERR_KVM_STATE', part.restore(other, bytes)).message).toBe(
      'the register 0x8020000000000001 cannot be set to 0xdeadbeef here: refused',
    );
    const none = new FakeVcpu([[word, 0n]]);
    expect(kvmError('ERR_KVM_STATE', part.restore(none, bytes)).message).toContain('0x8030000000000002 cannot be set');
  });

  test.each([
    ['in an id', (bytes: Uint8Array) => bytes.subarray(0, 5), 'ends in the middle of an id'],
    ['in a value', (bytes: Uint8Array) => bytes.subarray(0, 10), 'ends in the middle of the register'],
    ['with one twice', (bytes: Uint8Array) => Buffer.concat([bytes, bytes]), 'has no place for the register'],
  ])('are refused before any is set if they end %s', (_, damage, message) => {
    const vcpu = new FakeVcpu(values);
    const bytes = damage(saved(vcpu));
    expect(kvmError('ERR_KVM_STATE', () => part.restore(vcpu, bytes)).message).toContain(message);
    expect(vcpu.calls).toEqual([]);
  });

  test('are set after the extensions of riscv that they belong to', () => {
    const vcpu = new FakeVcpu([
      [CoreReg.pc, 1n],
      [doubleReg(0), 2n],
      [IsaExtReg.C, 0n],
    ]);
    const [registers] = riscvParts;
    registers?.restore(vcpu as never, registers.save(vcpu as never) as Uint8Array)();
    expect(vcpu.calls).toEqual([IsaExtReg.C, CoreReg.pc, doubleReg(0)].map((id) => `set ${id.toString(16)}`));
  });
});

describe('a vCPU of arm64 with SVE', () => {
  const { KVM_REG_ARM64_SVE_VLS, KvmVcpuEvents, KvmVcpuInit, MpState, VcpuFeature } = arm64;
  const x0 = 0x6030_0000_0010_0000n;

  /** A fake vCPU with the methods that its parts use. */
  class FakeArmVcpu extends FakeVcpu {
    readonly getVcpuEvents = () => new KvmVcpuEvents();
    readonly getMpState = () => MpState.Runnable;
    readonly finalize = (feature: number) => this.calls.push(`finalize ${feature}`);
    readonly setVcpuEvents = () => this.calls.push('events');
    readonly setMpState = () => this.calls.push('mpState');
    readonly init = () => this.calls.push('init');
  }

  const whole = () => {
    const vcpu = new FakeArmVcpu([
      [x0, 1n],
      [KVM_REG_ARM64_SVE_VLS, new Uint8Array(64)],
    ]);
    const initWords = Uint32Array.of(5, 1 << VcpuFeature.Sve, 0, 0, 0, 0, 0, 0);
    return { vcpu, initWords, init: vcpu.init } as unknown as {
      vcpu: FakeArmVcpu;
      initWords: Uint32Array;
    } & Parameters<(typeof armParts)[number]['save']>[0];
  };

  test('is initialised, then gets its vector lengths, and then its registers', () => {
    const state = SavedState.of('vcpu', 'arm64', savedParts(armParts, whole()));
    expect(KvmVcpuInit.at(state.part('init').slice()).features[0]).toBe(1 << VcpuFeature.Sve);
    const other = whole();
    restoreParts(armParts, other, state);
    expect(other.vcpu.calls).toEqual([
      'init',
      `set ${KVM_REG_ARM64_SVE_VLS.toString(16)}`,
      `finalize ${VcpuFeature.Sve}`,
      `set ${x0.toString(16)}`,
      'events',
      'mpState',
    ]);
  });

  test('cannot be saved if the argument of its initialisation is unknown', () => {
    const { vcpu, init } = whole();
    const message = kvmError('ERR_KVM_STATE', () =>
      savedParts(armParts, { vcpu, init, initWords: new Uint32Array(8) }),
    ).message;
    expect(message).toContain('was not initialised by init()');
  });
});
