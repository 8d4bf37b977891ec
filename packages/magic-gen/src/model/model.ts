/**
 * The ABI model: everything that the headers of one kernel say about one architecture, as one JSON document. The stages
 * before it (headers, preprocess, parse, layout) fill it; the stages after it read nothing else.
 */

/** Incremented whenever readers of the JSON have to change. */
export const MODEL_SCHEMA = 1;

export interface Model {
  schema: typeof MODEL_SCHEMA;
  /** The kernel release the headers come from, as `linux/version.h` gives it: "6.1". */
  kernel: string;
  /** The kernel's name for the architecture: its folder in `arch/`. */
  arch: string;
  target: Target;
  /** The headers whose constants, types and ioctls are in the model: "linux/kvm.h", "asm/kvm.h". */
  roots: string[];
  constants: Constant[];
  enums: Enum[];
  records: AbiRecord[];
  ioctls: Ioctl[];
  /**
   * The ioctls whose argument is a type of another architecture. They have no number here, since it contains the size.
   */
  foreignIoctls: ForeignIoctl[];
  /** The function-like macros of the root headers that compute an integer. Most make register ids. */
  functions: AbiFunction[];
  /** What else the root headers define, each with the reason why it is not above. */
  skipped: Skipped[];
  /**
   * The kernels in the history of the interface, oldest first: `since` refers to them. Absent, as is every `since`,
   * where no history was requested.
   */
  knownKernels?: string[];
}

/** Something that the history may date. */
export interface Dated {
  /** The first known kernel that has it. Unless the release just before is known too, it may be older. */
  since?: string;
}

/** The data model of a target: what C leaves to the platform. */
export interface Target {
  /** The compiler's name for the target: "x86_64-linux-gnu". */
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

/** A place in the headers, by the name that `#include` uses: "linux/kvm.h". */
export interface Origin {
  file: string;
  line: number;
}

export interface Constant extends Dated {
  name: string;
  /** Decimal, with a sign where negative. A string, because JSON has no 64-bit integers. */
  value: string;
  /**
   * The C type of the expression. `longLong`: the header says so by an LL suffix or a 64-bit typedef, and not just by
   * `long`.
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
   * The C tag. For a record inside another, the path to it: `kvm_run.io`, or `kvm_run.#7` by position where it has no
   * member name.
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
  /** Bytes from the start of the enclosing record; for a bitfield, of its first byte. */
  offset: number;
  /**
   * A bitfield's place: bits from the start of the record, in the order in which the target's compiler allocates them.
   */
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
  /** As the header declares it, from the view of user space. The facts say where the kernel does something else. */
  direction: 'none' | 'write' | 'read' | 'readwrite';
  /** The whole request number. */
  request: number;
  /** The argument of `_IOR`, `_IOW` or `_IOWR`; null for `_IO`. */
  argument: TypeRef | null;
  /** The size that the request number contains. */
  size: number;
  origin: Origin;
}

export interface ForeignIoctl extends Dated {
  name: string;
  type: number;
  nr: number;
  direction: Ioctl['direction'];
  /** The type of the argument as the header spells it: "struct kvm_vcpu_init". */
  argument: string;
  origin: Origin;
}

/**
 * A function-like macro that computes an integer. A macro has no types: here each parameter is unsigned, of 64 bits
 * where the macro combines it with something of 64 bits, else of 32, and the body is typed accordingly.
 */
export interface AbiFunction extends Dated {
  name: string;
  parameters: { name: string; type: IntegerShape }[];
  /** The expression that the macro stands for. Its type is that of the result. */
  body: Expression;
  /** The macro's text in the header. */
  definition: string;
  origin: Origin;
}

export interface IntegerShape {
  /** In bytes. */
  size: 1 | 2 | 4 | 8;
  signed: boolean;
}

/**
 * An expression of integers, with every implicit conversion written out. An operator computes in the type of its
 * expression, to which its operands have been converted; an unsigned result wraps. What C leaves undefined remains so:
 * signed overflow, division by zero, a shift by the width of the type or more.
 */
export type Expression = { type: IntegerShape } /** `value` is decimal. */ & (
  | { kind: 'constant'; value: string }
  /** `index` counts the function's parameters from zero. */
  | { kind: 'parameter'; index: number }
  /** Keeps the low bits that fit the type, and reinterprets them as the type. */
  | { kind: 'convert'; operand: Expression }
  | { kind: 'unary'; operator: '-' | '~'; operand: Expression }
  /** Both operands have the type, except the right one of a shift, which has its own. */
  | {
      kind: 'binary';
      operator: '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>';
      left: Expression;
      right: Expression;
    }
  /** 0 or 1, an `int`. Both operands have one type. */
  | { kind: 'compare'; operator: '==' | '!=' | '<' | '<=' | '>' | '>='; left: Expression; right: Expression }
  /** 0 or 1, an `int`. Each operand has its own type and is true unless it is 0; the right one may not be evaluated. */
  | { kind: 'logical'; operator: '&&' | '||'; left: Expression; right: Expression }
  /** `yes` where the condition is not 0, else `no`; the other one is not evaluated. */
  | { kind: 'conditional'; condition: Expression; yes: Expression; no: Expression }
);

/** A macro that is not an integer, or an ioctl of an included header. */
export interface Skipped {
  name: string;
  reason: string;
  origin: Origin;
}
