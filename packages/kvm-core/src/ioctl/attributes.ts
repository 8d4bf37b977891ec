import { constants } from 'node:os';
import type { FdKind, Ioctl } from '../abi/ioctl.js';
import type { KvmDeviceAttr } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { bytesOfView } from '../struct/bytes.js';
import { bigInteger, integer, u32 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { Struct } from '../struct/struct.js';
import { KvmFd } from './kvm-fd.js';

/** An attribute, by the numbers of the kernel's headers: `KVM_…_GRP_…` and the constants listed below it there. */
export interface Attribute {
  group: number;
  /** The number in the group. For some groups it consists of parts: a vCPU, a register, an offset. */
  attr: number | bigint;
}

/** The bytes of an attribute. The kernel's documentation gives the length of each. */
export type AttributeData = Struct | ArrayBufferView;

/**
 * The bytes behind the address that the kernel may at least use. No call returns the length of an attribute; the
 * longest one with a fixed length has 4112 bytes, on s390.
 */
const room = 16 * 1024;

/** The filler after the caller's bytes, which shows whether the kernel wrote more. */
const canary = 0xa5;
const untouched = new Uint8Array(room).fill(canary);

/** A descriptor with readable attributes: `/dev/kvm`, and every `AttributesFd`. */
export abstract class ReadableAttributesFd<K extends FdKind> extends KvmFd<K> {
  /**
   * Whether the attribute exists. KVM_HAS_DEVICE_ATTR, api.rst 4.81. Of a VM, Cap.VmAttributes; of a vCPU,
   * Cap.VcpuAttributes; of `/dev/kvm`, Cap.SysAttributes.
   */
  hasDeviceAttr(attribute: Attribute): boolean {
    try {
      this.write(this.abi.KVM_HAS_DEVICE_ATTR, fieldsOf(attribute));
      return true;
    } catch (error) {
      if (
        error instanceof KvmError &&
        (error.errno === constants.errno.ENXIO || error.code === 'ERR_KVM_UNSUPPORTED')
      ) {
        return false;
      }
      throw error;
    }
  }

  /**
   * The value of a 64-bit attribute, or, on a little-endian machine, of a shorter one. KVM_GET_DEVICE_ATTR, api.rst
   * 4.80. For a VM, Cap.VmAttributes; for a vCPU, Cap.VcpuAttributes; for `/dev/kvm`, Cap.SysAttributes.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` with ENXIO if it does not exist, `ERR_KVM_OUT_OF_RANGE` if it is longer.
   */
  getDeviceAttr(attribute: Attribute): bigint;
  /**
   * Reads an attribute of any length into a struct or typed array of that length. The kernel may read the previous
   * contents.
   */
  getDeviceAttr<T extends AttributeData>(attribute: Attribute, into: T): T;
  getDeviceAttr(attribute: Attribute, into?: AttributeData): AttributeData | bigint {
    const value = new BigUint64Array(1);
    const wanted = bytesOf(into ?? value);
    const landing = this.attribute(this.abi.KVM_GET_DEVICE_ATTR, attribute, wanted);
    if (Buffer.compare(landing.subarray(wanted.length, wanted.length + room), untouched) !== 0) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the attribute is longer than ${wanted.length} bytes`, {
        ioctl: 'KVM_GET_DEVICE_ATTR',
      });
    }
    wanted.set(landing.subarray(0, wanted.length));
    return into ?? (value[0] as bigint);
  }

  /** Passes an attribute's bytes to the kernel in a larger buffer, and returns that buffer. */
  private attribute(ioctl: Ioctl, attribute: Attribute, data: Uint8Array, behind = canary): Uint8Array {
    const fields = fieldsOf(attribute);
    const landing = new Uint8Array(Math.max(data.length, room, this.attributeLength(fields.attr)) + room);
    landing.set(data);
    landing.fill(behind, data.length);
    const addr = BigInt(this.opened().address(landing));
    this.call(ioctl, this.addressOf(this.abi.KvmDeviceAttr.from({ ...fields, addr }), [landing]));
    return landing;
  }

  /** @internal The length of an attribute whose number includes it. */
  protected attributeLength(_attr: bigint): number {
    return 0;
  }

  /** @internal */
  protected setAttribute(attribute: Attribute, value: number | bigint | AttributeData | undefined): void {
    // A value that is shorter than the attribute is extended with zeros.
    this.attribute(this.abi.KVM_SET_DEVICE_ATTR, attribute, valueBytes(value), 0);
  }
}

/** A descriptor with attributes: a VM, a vCPU, a device. */
export abstract class AttributesFd<K extends FdKind> extends ReadableAttributesFd<K> {
  /**
   * Sets an attribute, or performs its action if it is one. KVM_SET_DEVICE_ATTR, api.rst 4.80. For a VM,
   * Cap.VmAttributes; for a vCPU, Cap.VcpuAttributes.
   *
   * @param value a bigint for a 64-bit attribute, a number for a 32-bit one, a struct or typed array for a longer one;
   *   nothing for one without a value. The kernel reads missing bytes at the end as zeros.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENXIO if it does not exist, EINVAL or EBUSY if it cannot have this value,
   *   or cannot be set now.
   */
  setDeviceAttr(attribute: Attribute, value?: number | bigint | AttributeData): void {
    this.setAttribute(attribute, value);
  }
}

function fieldsOf(attribute: Attribute): Pick<KvmDeviceAttr, 'group' | 'attr'> {
  const { group, attr } = optionsOf(attribute, 'an attribute', ['group', 'attr']);
  u32(group, 'the group of an attribute');
  const number = typeof attr === 'number' ? BigInt(integer(attr, 0, Number.MAX_SAFE_INTEGER, 'attr')) : attr;
  return { group, attr: bigInteger(number, 0n, 0xffff_ffff_ffff_ffffn, 'attr') };
}

function valueBytes(value: number | bigint | AttributeData | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array();
  if (typeof value === 'bigint') {
    return bytesOf(BigUint64Array.of(bigInteger(value, 0n, 0xffff_ffff_ffff_ffffn, 'the value of an attribute')));
  }
  if (typeof value === 'number') {
    return bytesOf(Uint32Array.of(integer(value, -(2 ** 31), 2 ** 32 - 1, 'the value of an attribute')));
  }
  return bytesOf(value);
}

function bytesOf(data: AttributeData): Uint8Array {
  if (Struct.typeOf(data) !== undefined)
    return bytesOfView(Struct.bytesOf(data as Struct), 'the bytes of an attribute');
  if (ArrayBuffer.isView(data)) return bytesOfView(data, 'the bytes of an attribute');
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the bytes of an attribute must be a struct or a typed array');
}
