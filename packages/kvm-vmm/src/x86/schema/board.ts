import type { JsonSchema } from '../../machine/json-schema.js';

/** What the schema of a machine says of the board that the guest runs on. */
export const board = {
  machine: {
    enum: ['pc', 'test', 'bare'],
    description:
      'The board: `pc` is what Linux expects, with ACPI tables; `test` what the unit tests of KVM expect, a PC with ' +
      'full ACPI, their test device, fw_cfg and the debug-exit port of QEMU; `bare` a serial port and the debug-exit ' +
      'port. `pc` for kernels, `bare` for flat binaries without it.',
    'x-flag': '--machine <name>',
  },
  interrupts: {
    enum: ['kernel', 'split', 'none'],
    description:
      'The interrupt controllers: `kernel`, local APICs, I/O APIC and PICs in the kernel; `split`, local APICs in ' +
      'the kernel, an I/O APIC in the thread of the devices, no PICs; `none`, so that HLT ends the guest. `none` for ' +
      'the board `bare` with a flat binary, else `kernel` without it.',
    'x-flag': '--interrupts <where>',
  },
  acpi: {
    enum: ['reduced', 'full'],
    description:
      'ACPI: `reduced`, hardware-reduced and without a PIT; `full`, with fixed registers, SCI and PM timer, and with ' +
      '`kernel` interrupts a PIT. `full` for the board `test`, else `reduced` without it.',
    'x-flag': '--acpi <kind>',
  },
  debugExit: {
    enum: ['raw', 'qemu'],
    description:
      'The exit status by the debug-exit port: `raw`, what the guest writes; `qemu`, `(value << 1) | 1`. `qemu` for ' +
      'the board `test`, else `raw` without it.',
    'x-flag': '--debug-exit <kind>',
  },
  fwCfg: {
    title: 'FwCfgFiles',
    description: 'Adds fw_cfg of QEMU at port 0x510. The board `test` has it always.',
    type: 'object',
    properties: {
      files: {
        description: 'Further files by their names, such as `opt/org.example/config`: texts. The API takes bytes, too.',
        type: 'object',
        additionalProperties: { type: 'string', 'x-wanted': 'a text', 'x-javascript': 'Uint8Array' },
      },
    },
    additionalProperties: false,
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
