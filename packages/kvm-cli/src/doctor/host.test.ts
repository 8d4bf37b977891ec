import { expect, test } from 'vitest';
import { whyNoKernels } from './host.js';

const cpuinfo = (flags: string): string => `processor\t: 0\nflags\t\t: ${flags}\nbugs\t\t: spectre\n`;

test.each([
  ['fpu vmx sse', 'kvm_intel'],
  ['fpu svm', 'kvm_amd'],
])('a processor with %s runs kernels', (flags, module) => {
  expect(whyNoKernels(cpuinfo(flags), ['kvm', module])).toBeUndefined();
});

test('one that shows neither VMX nor SVM does not, and the reason names the module', () => {
  expect(whyNoKernels(cpuinfo('fpu svmx vm'), ['kvm', 'kvm_pvm'])).toMatch(
    /^the processor .* so KVM \(kvm_pvm\) interprets/,
  );
  expect(whyNoKernels(cpuinfo('fpu'), null)).toMatch(/^the processor .* so KVM interprets/);
});

test('without the flags of an x86 processor nothing is known', () => {
  expect(whyNoKernels('', ['kvm'])).toBeUndefined();
});
