/** Where the ACPI tables begin, with their root pointer: the guest looks there, and where it is told. */
export const acpiStart = 0xe_0000n;

/** Where the guest finds its generation ID, 16 bytes: behind the tables, outside of what it may use as memory. */
export const generationIdAddress = 0xf_ffc0n;
