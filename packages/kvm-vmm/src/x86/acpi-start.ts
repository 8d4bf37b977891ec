/** Where the ACPI tables begin, with their root pointer: the guest looks there, and where it is told. */
export const acpiStart = 0xe_0000n;
