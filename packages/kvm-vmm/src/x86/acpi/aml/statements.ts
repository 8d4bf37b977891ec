import { type Aml, join, lengthPrefixed } from './bytes.js';
import { integer, type Term, term } from './data.js';
import { path } from './names.js';

const Op = {
  store: 0x70,
  and: 0x7b,
  or: 0x7d,
  notify: 0x86,
  logicalNot: 0x92,
  equal: 0x93,
  if: 0xa0,
  else: 0xa1,
  return: 0xa4,
};
/** A target that drops the value. */
const nowhere: Aml = Uint8Array.of(0);

/** `If (condition) { then } Else { otherwise }`. */
export function ifElse(condition: Term, then: readonly Aml[], otherwise: readonly Aml[] = []): Aml {
  const first = lengthPrefixed([Op.if], term(condition), ...then);
  return otherwise.length === 0 ? first : join(first, lengthPrefixed([Op.else], ...otherwise));
}

/** `Store (value, target)`: the target is a path, an argument or a local variable. */
export function store(value: Term, target: Aml): Aml {
  return join(Op.store, term(value), target);
}

/** `Notify (device, value)`: tells the guest's driver of a device that something has happened. */
export function notify(device: string, value: number): Aml {
  return join(Op.notify, path(device), integer(value));
}

/** `Return (value)`. */
export function returns(value: Term): Aml {
  return join(Op.return, term(value));
}

/** `a == b`. */
export function equal(a: Term, b: Term): Aml {
  return join(Op.equal, term(a), term(b));
}

/** `!a`. */
export function not(a: Term): Aml {
  return join(Op.logicalNot, term(a));
}

/** `a & b`, of the bits. It is stored in a target, too, if there is one. */
export function and(a: Term, b: Term, target = nowhere): Aml {
  return join(Op.and, term(a), term(b), target);
}

/** `a | b`, of the bits. It is stored in a target, too, if there is one. */
export function or(a: Term, b: Term, target = nowhere): Aml {
  return join(Op.or, term(a), term(b), target);
}
