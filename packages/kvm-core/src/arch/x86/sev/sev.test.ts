import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { type AnsweredCall, answered } from '../../../../test/answered.js';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { anyDevice, withSev } from '../../../../test/sev.js';
import * as abi from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;
const { EIO, ENOTTY, EPERM } = constants.errno;

onEachBackend('an encrypted guest', (backend) => {
  test('is refused on a host without SEV, with the name of the command', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, memory, kvm } = guest;
    if ((kvm.capabilities().value(abi.Cap.VmTypes) & (1 << abi.VmType.Sev)) !== 0)
      return context.skip('the host has SEV');
    const sev = vm.sev(anyDevice);
    const bytes = new Uint8Array(16);
    for (const [name, use] of Object.entries({
      KVM_SEV_INIT: () => sev.init(),
      KVM_SEV_ES_INIT: () => sev.esInit(),
      KVM_SEV_INIT2: () => sev.init2(),
      KVM_SEV_LAUNCH_START: () => sev.launchStart({ policy: 0 }),
      KVM_SEV_LAUNCH_UPDATE_DATA: () => sev.launchUpdateData(memory),
      KVM_SEV_LAUNCH_UPDATE_VMSA: () => sev.launchUpdateVmsa(),
      KVM_SEV_LAUNCH_MEASURE: () => sev.launchMeasure(),
      KVM_SEV_LAUNCH_SECRET: () => sev.launchSecret({ header: bytes, secret: bytes, memory, offset: 0 }),
      KVM_SEV_LAUNCH_FINISH: () => sev.launchFinish(),
      KVM_SEV_GUEST_STATUS: () => sev.guestStatus(),
      KVM_SEV_GET_ATTESTATION_REPORT: () => sev.attestationReport(bytes),
      KVM_SEV_DBG_DECRYPT: () => sev.debugDecrypt(memory, 0, 16),
      KVM_SEV_DBG_ENCRYPT: () => sev.debugEncrypt(memory, 0, bytes),
      KVM_SEV_SEND_START: () => sev.sendStart({ pdhCert: bytes, platCerts: bytes, amdCerts: bytes }),
      KVM_SEV_SEND_UPDATE_DATA: () => sev.sendUpdateData(memory, 0, 16),
      KVM_SEV_SEND_FINISH: () => sev.sendFinish(),
      KVM_SEV_SEND_CANCEL: () => sev.sendCancel(),
      KVM_SEV_RECEIVE_START: () => sev.receiveStart({ policy: 0, pdhCert: bytes, session: bytes }),
      KVM_SEV_RECEIVE_UPDATE_DATA: () => sev.receiveUpdateData({ header: bytes, data: bytes }, memory, 0),
      KVM_SEV_RECEIVE_FINISH: () => sev.receiveFinish(),
      KVM_SEV_SNP_LAUNCH_START: () => sev.snpLaunchStart({ policy: 1n << 17n }),
      KVM_SEV_SNP_LAUNCH_UPDATE: () => sev.snpLaunchUpdate({ gfnStart: 0n, memory }),
      KVM_SEV_SNP_LAUNCH_FINISH: () => sev.snpLaunchFinish(),
      KVM_SEV_SNP_ENABLE_REQ_CERTS: () => sev.snpEnableReqCerts(),
    })) {
      const error = kvmError('ERR_KVM_UNSUPPORTED', use);
      expect(error).toMatchObject({ ioctl: 'KVM_MEMORY_ENCRYPT_OP', errno: ENOTTY });
      expect(error.message).toMatch(
        `${name} by KVM_MEMORY_ENCRYPT_OP: this host's KVM does not have it (this needs a host with SEV`,
      );
    }
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.registerEncryptedRegion(memory)).hint).toMatch(/host with SEV/);
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.unregisterEncryptedRegion(memory)).hint).toMatch(/host with SEV/);
  });

  test('of SEV-SNP gets all its pages, and the ID block of its owner', () => {
    const seen: unknown[] = [];
    withSev(
      backend,
      ({ command, bytes, data }) => {
        if (command.id === abi.KVM_SEV_SNP_LAUNCH_UPDATE) {
          const update = data(abi.KvmSevSnpLaunchUpdate);
          seen.push([update.gfnStart, update.type, update.len, update.uaddr === 0n ? 0 : bytes(update.uaddr, 1)[0]]);
          update.gfnStart += 1n;
          update.len -= 4096n;
          if (update.uaddr !== 0n) update.uaddr += 4096n;
          return 0;
        }
        const { idBlockEn, idAuthUaddr, authKeyEn, hostData } = data(abi.KvmSevSnpLaunchFinish);
        seen.push([idBlockEn, idAuthUaddr === 0n ? 0 : bytes(idAuthUaddr, 4096)[4095], authKeyEn, hostData[31]]);
        return 0;
      },
      (sev, { memory }) => {
        memory.write(0x4000, Uint8Array.of(0xa));
        memory.write(0x5000, Uint8Array.of(0xb));
        sev.snpLaunchUpdate({ gfnStart: 16n, memory, offset: 0x4000, size: 0x2000 });
        sev.snpLaunchUpdate({ gfnStart: 32n, memory, size: 4096, type: 'zero' });
        sev.snpLaunchFinish();
        const ids = { idBlock: new Uint8Array(96), idAuth: new Uint8Array(4096).fill(6) };
        sev.snpLaunchFinish({ ...ids, authKey: true, hostData: new Uint8Array(32).fill(5) });
      },
    );
    expect(seen).toEqual([
      [16n, 1, 8192n, 0xa],
      [17n, 1, 4096n, 0xb],
      [32n, 3, 4096n, 0],
      [0, 0, 0, 0],
      [1, 6, 1, 5],
    ]);
  });

  test('reports the error of the firmware, or a hint for that of the kernel', () => {
    withSev(
      backend,
      ({ command, data }) => {
        if (command.id === abi.KVM_SEV_GUEST_STATUS) {
          data(abi.KvmSevGuestStatus).assign({ handle: 1, policy: 2, state: 3 });
          return 0;
        }
        command.error = command.id === abi.KVM_SEV_INIT2 ? 0x11 : 0xffff_ffff;
        return command.id === abi.KVM_SEV_INIT2 ? -EIO : -EPERM;
      },
      (sev) => {
        expect(sev.guestStatus()).toMatchObject({ handle: 1, policy: 2, state: 3 });
        const error = kvmError('ERR_KVM_SYSCALL', () => sev.init2());
        expect(error.message).toBe('KVM_SEV_INIT2 by KVM_MEMORY_ENCRYPT_OP: EIO (the firmware error is 0x11)');
        expect(kvmError('ERR_KVM_SYSCALL', () => sev.launchFinish()).hint).toMatch(/only the snp commands/);
      },
    );
  });

  test('keeps registered memory alive after it is closed', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, kvm } = guest;
    const memory = kvm.allocateMemory({ size: 0x2000 });
    memory.write(0, Uint8Array.of(1));
    const seen: [bigint, bigint][] = [];
    const region = ({ bytes, argument }: AnsweredCall) => {
      const { addr, size } = abi.KvmEncRegion.at(bytes(argument, abi.KvmEncRegion.size));
      seen.push([addr, size]);
      return 0;
    };
    using _ = answered(backend, abi.KVM_MEMORY_ENCRYPT_REG_REGION, region);
    const view = memory.bytes();
    vm.registerEncryptedRegion(memory);
    memory.close();
    // Without an owner, the memory would have freed its pages at close.
    expect(view[0]).toBe(1);
    expect(seen[0]?.[1]).toBe(0x2000n);
    vm.close();
  });

  test('refuses invalid arguments', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vm, memory } = guest;
    for (const value of [undefined, null, '7', {}]) kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.sev(wrong(value)));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.sev(2 ** 31));
    const sev = vm.sev(anyDevice);
    const bytes = new Uint8Array(16);
    for (const value of [null, 5, [], 'x']) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.init2(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.launchStart(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.launchStart({ policy: 0, dhCert: wrong(value) }));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.launchUpdateData(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.launchSecret(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.attestationReport(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.sendStart(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.receiveUpdateData(wrong(value), memory, 0));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.snpLaunchStart(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.snpLaunchUpdate(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.snpLaunchFinish(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.registerEncryptedRegion(wrong(value)));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.attestationReport(new Uint8Array(15)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.launchStart({ policy: 0, session: new Uint8Array(16385) }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.snpLaunchFinish({ idBlock: new Uint8Array(96) }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => sev.snpLaunchUpdate({ gfnStart: 0n, memory, type: wrong('x') }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => sev.launchUpdateData(memory, 0, 0));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => sev.launchUpdateData(memory, memory.size, 16));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => sev.debugEncrypt(memory, memory.size - 8, bytes));
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => sev.init2());
    kvmError('ERR_KVM_CLOSED', () => vm.sev(anyDevice));
  });
});
