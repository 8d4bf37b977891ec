/**
 * Reads the kernel's API document, `Documentation/virt/kvm/api.rst`: only what it states in fields, never its prose.
 */

/** One numbered section about ioctls or capabilities. */
export interface DocumentSection {
  /** The names in its heading: KVM_GET_REGS, KVM_CAP_SYNC_REGS. */
  names: string[];
  /** 4 describes ioctls, 6 the capabilities that are enabled on vCPUs, 7 those of VMs, 8 others. */
  chapter: number;
  line: number;
  /** By their names in lower case: capability, architectures, type, parameters, target. */
  fields: ReadonlyMap<string, string>;
}

const known = [
  'capability',
  'capabilities',
  'architecture',
  'architectures',
  'type',
  'target',
  'parameters',
  'returns',
];

/** Every numbered section with a name of KVM's in its heading. */
export function readDocument(text: string): DocumentSection[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): DocumentSection[] => {
    const heading = /^(\d{1,3})\.\d+[a-z]?\.? +(.*KVM_.*)$/.exec(line);
    const underline = lines[index + 1]?.trimEnd() ?? '';
    if (!heading || !/^([-=~^"])\1{3,}$/.test(underline)) return [];
    const names = [...(heading[2] ?? '').matchAll(/\bKVM_[A-Z0-9_]+\b/g)].map(([name]) => name);
    if (names.length === 0) return [];
    return [{ names, chapter: Number(heading[1]), line: index + 1, fields: readFields(lines, index + 2) }];
  });
}

/** The fields at the start of a section. Indented lines continue a field. */
function readFields(lines: readonly string[], start: number): Map<string, string> {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (let at = start; at < lines.length; at++) {
    const line = lines[at] ?? '';
    // Older documents omit the first colon.
    const field = /^:?([A-Za-z]+):\s*(.*)$/.exec(line);
    const name = field?.[1]?.toLowerCase();
    if (name !== undefined && known.includes(name)) {
      current = name;
      fields.set(name, field?.[2]?.trim() ?? '');
    } else if (current !== undefined && /^\s+\S/.test(line)) {
      fields.set(current, `${fields.get(current)} ${line.trim()}`);
    } else if (line.trim() === '' && fields.size === 0) {
    } else {
      return fields;
    }
  }
  return fields;
}
