import { KvmError, type KvmErrorJson } from './kvm-error.js';

/** An error as plain data for `postMessage`. Structured cloning of an error loses most of its properties. */
export interface EncodedError {
  readonly kvm?: KvmErrorJson | undefined;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** The code of an error of Node's, such as `ENOENT`. */
  readonly code?: string | undefined;
  readonly cause?: EncodedError | undefined;
}

/** The limit for a chain of causes: an error may be its own cause. */
const deepest = 8;

/** @param error any thrown value. */
export function encodeError(error: unknown, depth = 0): EncodedError {
  if (!(error instanceof Error)) return { name: 'Error', message: `thrown: ${String(error)}` };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    kvm: error instanceof KvmError ? error.toJSON() : undefined,
    name,
    message,
    stack,
    code: typeof code === 'string' ? code : undefined,
    cause: cause === undefined || depth === deepest ? undefined : encodeError(cause, depth + 1),
  };
}

export function decodeError({ kvm, name, message, stack, code, cause }: EncodedError): Error {
  const error = kvm === undefined ? Object.assign(new Error(message), { name }) : KvmError.from(kvm);
  if (kvm === undefined && code !== undefined) Object.assign(error, { code });
  const hidden = { configurable: true, writable: true, enumerable: false };
  if (stack !== undefined) Object.defineProperty(error, 'stack', { ...hidden, value: stack });
  if (cause !== undefined) Object.defineProperty(error, 'cause', { ...hidden, value: decodeError(cause) });
  return error;
}
