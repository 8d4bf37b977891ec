import { KvmError } from '../errors/kvm-error.js';

/** The id of a register by its name in a table; an unknown name is refused. */
export function namedRegister<N extends string>(table: Readonly<Record<N, bigint>>, name: N, what: string): bigint {
  if (typeof name !== 'string' || !Object.hasOwn(table, name)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `there is no ${what} named ${String(name)}`);
  }
  return table[name];
}
