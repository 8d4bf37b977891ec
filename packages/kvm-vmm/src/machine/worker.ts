import { workerData } from 'node:worker_threads';
import type { Handlers } from '@kvm/core';

/**
 * The program of a machine's Workers: of the one with the devices, and of those that run vCPUs. A bundle's own Worker
 * file has it as `export * from '@kvm/vmm/worker'`. Each kind loads only its own code.
 */

const isForDevices = 'modules' in (workerData as object);

// Their own types are nobody else's business.
const handlers = (isForDevices ? {} : await import('./vcpu-thread.js')) as unknown as Handlers;

/** The handlers of the vCPUs, which `@kvm/core/worker` imports from this file. */
export const { setup, exit, intr } = handlers;

// The program of the vCPUs waits for this module, so nothing here may wait for it.
if (isForDevices) void import('./device-thread.js').then(({ serveDevices }) => serveDevices());
else void import('@kvm/core/worker');
