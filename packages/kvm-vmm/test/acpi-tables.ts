import type { AcpiTables } from '../src/index.js';

function at(tables: AcpiTables, address: bigint): DataView {
  return new DataView(tables.bytes.buffer, tables.bytes.byteOffset + Number(address - tables.start));
}

/** The tables that a guest finds from the RSDP on, by their signatures. */
export function found(tables: AcpiTables): Map<string, Uint8Array> {
  const all = new Map<string, Uint8Array>();
  const visit = (address: bigint): DataView => {
    const view = at(tables, address);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.getUint32(4, true));
    all.set(Buffer.from(bytes.subarray(0, 4)).toString('latin1'), bytes);
    return view;
  };
  const pointer = at(tables, tables.rsdp);
  all.set('RSD PTR ', new Uint8Array(pointer.buffer, pointer.byteOffset, 36));
  const xsdt = visit(pointer.getBigUint64(24, true));
  for (let entry = 36; entry < xsdt.getUint32(4, true); entry += 8) {
    const each = visit(xsdt.getBigUint64(entry, true));
    if (!all.has('FACP') || all.has('DSDT')) continue;
    visit(each.getBigUint64(140, true));
    const facs = each.getUint32(36, true);
    if (facs !== 0) visit(BigInt(facs));
  }
  return all;
}
