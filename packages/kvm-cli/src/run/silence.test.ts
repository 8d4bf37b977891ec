import { expect, test } from 'vitest';
import { silenceText } from './silence.js';

test.each([
  [undefined, 0, 'no VMX', 'the kernel has written nothing for 15 s, and has not left KVM once: no VMX'],
  [undefined, 7, 'no VMX', 'the kernel has written nothing for 15 s, and had 7 exits: no VMX'],
  [
    undefined,
    7,
    undefined,
    /had 7 exits: is the console in its command line \(console=hvc0\)\? kvm-cli doctor examines this host$/,
  ],
])(
  'a kernel that is silent (first byte: %o) after %i exits is reported (%s)',
  (secondsToOutput, exitCount, why, text) => {
    expect(silenceText({ secondsToOutput, exitCount }, 'hvc0', why)).toMatch(text);
  },
);

test('a kernel that has written something is not', () => {
  expect(silenceText({ secondsToOutput: 0.1, exitCount: 1 }, 'ttyS0', 'no VMX')).toBeUndefined();
});
