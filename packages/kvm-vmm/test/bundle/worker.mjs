/** The Workers' file of a bundle. */
export * from '@kvm/vmm/worker';
