import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { answered } from '../../../test/answered.js';
import { onEachBackend } from '../../../test/backends.js';
import { kvmError } from '../../../test/errors.js';
import { type RealModeGuest, realModeGuest } from '../../../test/real-mode.js';
import * as abi from '../../abi/x86/index.js';
import { CpuidTable } from './cpuid/table.js';

const wrong = (value: unknown): never => value as never;
const { EINVAL, ENOTTY } = constants.errno;

interface TdxCommand {
  command: abi.KvmTdxCmd;
  /** The bytes of the command's struct. */
  data(length: number): Uint8Array;
  at(address: bigint, length: number): Uint8Array;
}

onEachBackend('a trust domain', (backend) => {
  /** Runs `use` with a guest, while `answer` plays a kernel with TDX. */
  function withTdx(answer: (command: TdxCommand) => number, use: (guest: RealModeGuest) => void): void {
    using guest = realModeGuest(backend, [0xf4]);
    using _ = answered(backend, abi.KVM_MEMORY_ENCRYPT_OP, ({ bytes, argument }) => {
      const command = abi.KvmTdxCmd.at(bytes(argument, abi.KvmTdxCmd.size));
      return answer({ command, at: bytes, data: (length) => bytes(command.data, length) });
    });
    use(guest);
  }

  test('is refused on a host without TDX, with the name of the command', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, memory, kvm } = guest;
    if ((kvm.capabilities().value(abi.Cap.VmTypes) & (1 << abi.VmType.Tdx)) !== 0)
      return context.skip('the host has TDX');
    const tdx = vm.tdx();
    for (const [name, use] of Object.entries({
      KVM_TDX_CAPABILITIES: () => tdx.capabilities(),
      KVM_TDX_INIT_VM: () => tdx.initVm({ attributes: 0n, xfam: 3n, cpuid: [] }),
      KVM_TDX_FINALIZE_VM: () => tdx.finalizeVm(),
      KVM_TDX_INIT_VCPU: () => vcpu.tdx().initVcpu(),
      KVM_TDX_INIT_MEM_REGION: () => vcpu.tdx().initMemRegion({ gpa: 0n, memory }),
      KVM_TDX_GET_CPUID: () => vcpu.tdx().getCpuid(),
    })) {
      // For a vCPU, kernels before TDX return EINVAL for an unknown command.
      expect(use).toThrow(expect.objectContaining({ name: 'KvmError', ioctl: 'KVM_MEMORY_ENCRYPT_OP' }));
      expect(use).toThrow(`${name} by KVM_MEMORY_ENCRYPT_OP: `);
    }
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => tdx.capabilities())).toMatchObject({ errno: ENOTTY });
  });

  test('has capabilities, and is initialised with CPUID and digests', () => {
    withTdx(
      ({ command, data }) => {
        if (command.id === abi.KVM_TDX_CAPABILITIES) {
          const room = abi.KvmTdxCapabilities.at(data(abi.KvmTdxCapabilities.size + 256 * 40));
          expect(room.cpuid.nent).toBe(256);
          room.assign({ supportedXfam: 7n });
          room.cpuid.nent = 1;
          room.cpuid.entries[0]?.assign({ function: 5, eax: 6 });
          return 0;
        }
        const vm = abi.KvmTdxInitVm.at(data(abi.KvmTdxInitVm.size + 2 * 40));
        expect(vm).toMatchObject({ attributes: 1n, xfam: 3n });
        expect([...vm.mrowner]).toEqual([0n, 0n, 9n, 0n, 0n, 0n]);
        expect(vm.cpuid.entries.map((entry) => [entry.function, entry.index, entry.eax])).toEqual([
          [5, 0, 6],
          [7, 1, 8],
        ]);
        return 0;
      },
      ({ vm }) => {
        const { supportedXfam, cpuid } = vm.tdx().capabilities();
        expect(supportedXfam).toBe(7n);
        const table = new CpuidTable(cpuid.entries);
        table.put({ function: 7, index: 1, eax: 8 });
        vm.tdx().initVm({ attributes: 1n, xfam: 3n, cpuid: table, mrowner: BigUint64Array.of(0n, 0n, 9n) });
      },
    );
  });

  test('gets its memory and vCPUs, and reports its CPUID', () => {
    const seen: unknown[] = [];
    withTdx(
      ({ command, data, at }) => {
        if (command.id === abi.KVM_TDX_INIT_VCPU) seen.push(command.data);
        if (command.id === abi.KVM_TDX_INIT_MEM_REGION) {
          const { sourceAddr, gpa, nrPages } = abi.KvmTdxInitMemRegion.at(data(abi.KvmTdxInitMemRegion.size));
          seen.push(command.flags, at(sourceAddr, 1)[0], gpa, nrPages);
        }
        if (command.id === abi.KVM_TDX_GET_CPUID) {
          const cpuid = abi.KvmCpuid2.at(data(8 + 256 * 40));
          cpuid.entries[0]?.assign({ function: 1, edx: 2 });
          cpuid.nent = 1;
        }
        return 0;
      },
      ({ vcpu, memory }) => {
        vcpu.tdx().initVcpu(0x1234n);
        memory.write(0x2000, Uint8Array.of(0x77));
        vcpu.tdx().initMemRegion({ gpa: 0x10_0000n, memory, offset: 0x2000, size: 0x3000, measure: true });
        seen.push(
          vcpu
            .tdx()
            .getCpuid()
            .map((entry) => entry.edx),
        );
      },
    );
    expect(seen).toEqual([0x1234n, 1, 0x77, 0x10_0000n, 3n, [2]]);
  });

  test('reports the error of the TDX module', () => {
    withTdx(
      ({ command }) => {
        command.hwError = 0xc000_0100_0000_0000n;
        return -EINVAL;
      },
      ({ vm }) =>
        expect(kvmError('ERR_KVM_SYSCALL', () => vm.tdx().finalizeVm()).message).toBe(
          'KVM_TDX_FINALIZE_VM by KVM_MEMORY_ENCRYPT_OP: EINVAL (the error of the TDX module is 0xc000010000000000)',
        ),
    );
  });

  test('refuses invalid arguments', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, vcpu, memory } = guest;
    const domain = { attributes: 0n, xfam: 0n, cpuid: [] };
    for (const value of [null, 5, [], 'x']) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.tdx().initVm(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.tdx().initMemRegion(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.tdx().initMemRegion({ gpa: 0n, memory: wrong(value) }));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.tdx().initVm({ ...domain, cpuid: wrong(5) }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.tdx().initVm({ ...domain, mrowner: new BigUint64Array(7) }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.tdx().initVcpu(-1n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.tdx().initMemRegion({ gpa: 0n, memory, size: 100 }));
    const ended = vcpu.tdx();
    vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => ended.initVcpu());
    kvmError('ERR_KVM_CLOSED', () => vcpu.tdx());
  });
});
