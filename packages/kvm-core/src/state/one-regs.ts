import { KvmError } from '../errors/kvm-error.js';
import type { VcpuOneReg } from '../vcpu/one-reg.js';
import type { Part } from './parts.js';
import { broken } from './saved-state.js';

/** Saves and restores registers by their ids, on arm64 and riscv, which are both little-endian. */

/** The methods of a vCPU that read and set its registers. */
export type Registers = Pick<VcpuOneReg, 'getOneReg' | 'setOneReg' | 'getRegList'>;

/** The rules of an architecture for its registers. */
export interface RegisterRules<O> {
  vcpuOf(object: O): Registers;
  /** The length of a register in bytes, from its id. */
  sizeOf(id: bigint): number;
  /** Whether the part includes a register that the kernel lists. */
  has(id: bigint): boolean;
  /** Whether a register must be set before the others. Within each group, the kernel's order is kept. */
  first(id: bigint): boolean;
}

interface Register {
  readonly id: bigint;
  readonly value: Uint8Array;
}

const idSize = 8;

/** All registers that the kernel lists, in its order: for each one its id, then its value in memory order. */
export function registersPart<O>(rules: RegisterRules<O>): Part<O> {
  return {
    name: 'registers',
    required: ['registers'],
    save(object) {
      const vcpu = rules.vcpuOf(object);
      const ids = [...vcpu.getRegList()].filter((id) => rules.has(id));
      return Buffer.concat(
        ids.flatMap((id) => [new Uint8Array(BigUint64Array.of(id).buffer), registerBytes(vcpu, id, rules.sizeOf(id))]),
      );
    },
    restore(object, bytes) {
      const registers = split(bytes, rules);
      const vcpu = rules.vcpuOf(object);
      const ordered = [
        ...registers.filter(({ id }) => rules.first(id)),
        ...registers.filter(({ id }) => !rules.first(id)),
      ];
      return () => {
        for (const register of ordered) setRegister(vcpu, register);
      };
    },
  };
}

/** A register's bytes, in memory order. */
export function registerBytes(vcpu: Registers, id: bigint, size: number): Uint8Array {
  const value = vcpu.getOneReg(id);
  return value instanceof Uint8Array ? value : new Uint8Array(BigUint64Array.of(value).buffer, 0, size);
}

/** Sets a register. A register that cannot be set is skipped if it already has the right value. */
function setRegister(vcpu: Registers, { id, value }: Register): void {
  try {
    vcpu.setOneReg(id, value);
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    if (hasValue(vcpu, { id, value })) return;
    const wanted = Buffer.from(value).reverse().toString('hex');
    throw broken(`the register 0x${id.toString(16)} cannot be set to 0x${wanted} here: ${error.message}`, error);
  }
}

function hasValue(vcpu: Registers, { id, value }: Register): boolean {
  try {
    return Buffer.from(value).equals(registerBytes(vcpu, id, value.length));
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    return false;
  }
}

function split(bytes: Uint8Array, { sizeOf, has }: Pick<RegisterRules<never>, 'sizeOf' | 'has'>): Register[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const registers = new Map<bigint, Register>();
  for (let at = 0; at < bytes.length; ) {
    if (at + idSize > bytes.length) throw broken('registers ends in the middle of an id');
    const id = view.getBigUint64(at, true);
    const end = at + idSize + sizeOf(id);
    if (end > bytes.length) throw broken(`registers ends in the middle of the register 0x${id.toString(16)}`);
    if (registers.has(id) || !has(id)) throw broken(`registers has no place for the register 0x${id.toString(16)}`);
    registers.set(id, { id, value: bytes.slice(at + idSize, end) });
    at = end;
  }
  return [...registers.values()];
}
