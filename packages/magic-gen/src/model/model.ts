/**
 * The ABI model: everything the headers say about one kernel and one architecture, as one JSON document.
 * The stages before it (headers, preprocess, parse, layout) exist to fill it; everything after it reads nothing else.
 */

/** Raised by one whenever a reader of the JSON has to change. */
export const MODEL_SCHEMA = 1;

export interface Model {
  schema: typeof MODEL_SCHEMA;
  /** The kernel release the headers come from, as `linux/version.h` gives it: "6.1". */
  kernel: string;
  /** The kernel's own name for the architecture: the directory under `arch/`. */
  arch: string;
  target: Target;
  /** The headers whose constants, types and ioctls are in the model: "linux/kvm.h", "asm/kvm.h". */
  roots: string[];
  constants: Constant[];
  enums: Enum[];
  records: AbiRecord[];
  ioctls: Ioctl[];
  /** The ioctls whose argument is a type of another architecture: without its size they have no number here. */
  foreignIoctls: ForeignIoctl[];
  /** The function-like macros of the root headers that compute an integer: most make register ids. */
  functions: AbiFunction[];
  /** What the root headers define that is none of the above, each with its reason. */
  skipped: Skipped[];
  /**
   * The kernels of this architecture that a history is known of, oldest first: what `since` is measured against.
   * Absent, like every `since`, where no history was asked for.
   */
  knownKernels?: string[];
}

/** What a history may be known of. */
export interface Dated {
  /** The first known kernel that has it; it may be older than that, unless the release just before is known, too. */
  since?: string;
}

/** The data model of a target: what the C standard leaves to the platform. */
export interface Target {
  /** The compiler's name for it: "x86_64-linux-gnu". */
  triple: string;
  wordSize: 4 | 8;
  endianness: 'little' | 'big';
  /** Whether plain `char` is signed. */
  charSigned: boolean;
  /** Alignment of a 64-bit integer inside a struct: 8, but 4 on i386. */
  longLongAlign: 4 | 8;
  /** Alignment of a 128-bit integer: 16, but 8 on s390; null where the compilers have none. */
  int128Align: 8 | 16 | null;
  /** The `_IOC` encoding: bits of the size field, and the numbers of the three directions. */
  ioc: { sizeBits: number; none: number; write: number; read: number };
}

/** Where something stands in the headers, by the name it is included by: "linux/kvm.h". */
export interface Origin {
  file: string;
  line: number;
}

export interface Constant extends Dated {
  name: string;
  /** Decimal, with a sign where negative; a string, for JSON has no 64-bit integers. */
  value: string;
  /**
   * The C type of the expression. `longLong`: the header says so (LL suffix, a 64-bit typedef), and not only `long`.
   */
  type: { size: number; signed: boolean; longLong: boolean };
  kind: 'macro' | 'enumerator';
  origin: Origin;
}

export interface Enum {
  /** Null for an unnamed enum. */
  name: string | null;
  members: string[];
  origin: Origin;
}

export interface AbiRecord extends Dated {
  /**
   * The C tag; for a record defined inside another, the path to it: `kvm_run.io`, or, for one without a member name,
   * its position among its parent's members: `kvm_run.#7`.
   */
  name: string;
  kind: 'struct' | 'union';
  /** True when C code can name it: `struct kvm_regs`. */
  tagged: boolean;
  size: number;
  align: number;
  members: Member[];
  origin: Origin;
}

export interface Member extends Dated {
  /** Null for an anonymous struct or union, whose members C treats as its parent's, and for an unnamed bitfield. */
  name: string | null;
  type: TypeRef;
  /** Bytes from the start of the record the member is declared in. For a bitfield, of its first byte. */
  offset: number;
  /** A bitfield's place: bits from the start of the record, counted as the target's compiler allots them. */
  bits?: { offset: number; width: number };
  origin: Origin;
}

export type TypeRef =
  /** `name` as the header spells it: `__u32`, `unsigned long`. */
  | { kind: 'int'; name: string; size: number; signed: boolean }
  | { kind: 'enum'; name: string; size: number; signed: boolean }
  | { kind: 'pointer'; size: number }
  /** `name` is the name of a record of the model. */
  | { kind: 'record'; name: string }
  /** `count` is null for a flexible array. */
  | { kind: 'array'; element: TypeRef; count: number | null };

export interface Ioctl extends Dated {
  name: string;
  /** The `_IOC` type byte: 0xAE for KVM. */
  type: number;
  nr: number;
  /** As the header declares it, seen from user space. What the kernel does in practice is among the facts. */
  direction: 'none' | 'write' | 'read' | 'readwrite';
  /** The whole request number. */
  request: number;
  /** What `_IOR` and its like are given: null for `_IO`. */
  argument: TypeRef | null;
  /** The size encoded in the request number. */
  size: number;
  origin: Origin;
}

export interface ForeignIoctl extends Dated {
  name: string;
  type: number;
  nr: number;
  direction: Ioctl['direction'];
  /** The argument's type as the header spells it: "struct kvm_vcpu_init". */
  argument: string;
  origin: Origin;
}

/**
 * A function-like macro that computes an integer. A macro has no types of its own: here each parameter is unsigned, of
 * 64 bits where the macro combines it with something of 64 bits, else of 32, and the body is typed accordingly.
 */
export interface AbiFunction extends Dated {
  name: string;
  parameters: { name: string; type: IntegerShape }[];
  /** What the macro stands for. Its type is that of the result. */
  body: Expression;
  /** The macro's text, as the header has it. */
  definition: string;
  origin: Origin;
}

export interface IntegerShape {
  /** In bytes. */
  size: 1 | 2 | 4 | 8;
  signed: boolean;
}

/**
 * An expression of integers, every conversion that C makes by itself written out. An operator computes in the type of
 * its expression, to which its operands have been converted; an unsigned result keeps the low bits that fit. What C
 * leaves undefined stays so: signed overflow, division by zero, a shift by as many bits as there are, or more.
 */
export type Expression = { type: IntegerShape } /** `value` is decimal. */ & (
  | { kind: 'constant'; value: string }
  /** `index` counts the function's parameters from zero. */
  | { kind: 'parameter'; index: number }
  /** Keeps the low bits that the type has room for, and reads them as the type does. */
  | { kind: 'convert'; operand: Expression }
  | { kind: 'unary'; operator: '-' | '~'; operand: Expression }
  /** Both operands have the type, but for the right one of a shift, which has its own. */
  | {
      kind: 'binary';
      operator: '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>';
      left: Expression;
      right: Expression;
    }
  /** 0 or 1, an `int`. Both operands have one type. */
  | { kind: 'compare'; operator: '==' | '!=' | '<' | '<=' | '>' | '>='; left: Expression; right: Expression }
  /**
   * 0 or 1, an `int`. Each operand has its own type, and counts as true where it is not 0; the right one may not count.
   */
  | { kind: 'logical'; operator: '&&' | '||'; left: Expression; right: Expression }
  /** `yes` where the condition is not 0, else `no`; the other one does not count. */
  | { kind: 'conditional'; condition: Expression; yes: Expression; no: Expression }
);

/** A macro that is no integer, or an ioctl of a header that is only included. */
export interface Skipped {
  name: string;
  reason: string;
  origin: Origin;
}
