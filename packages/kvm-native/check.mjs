// What a published binary must be: for its processor, small, and without any library or symbol that a supported system
// may lack. Reads ELF itself, so that it works without binutils.
//
//     node check.mjs FILE PROCESSOR     prints what is wrong; status 1 if something is
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const machines = { x64: 62, arm64: 183, riscv64: 243, ppc64: 21 };
const maximum = 100_000;

// In every glibc since 2.27 and every musl since 1.1.20, without a newer version of the symbol. Node itself asks for
// glibc 2.28.
const libc = new Set(
  [
    '__errno_location syscall getpid sigaction open close ioctl read pread write poll fcntl fallocate eventfd',
    'epoll_create1 epoll_ctl epoll_wait memfd_create',
    'mmap munmap madvise malloc free abort memcpy memset memmove strlen',
  ].flatMap((line) => line.split(' ')),
);
const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/** What is wrong with a binary, one line each. */
export function problems(file, processor) {
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return [`${file}: ${error.code === 'ENOENT' ? 'is missing' : error.message}`];
  }
  const found = [];
  if (bytes.length >= maximum) found.push(`has ${bytes.length} bytes, the limit is ${maximum}`);
  const elf = readElf(bytes);
  if (elf === undefined) found.push('is no shared library for a 64-bit little-endian processor');
  else {
    if (elf.machine !== machines[processor]) found.push(`is for the ELF machine ${elf.machine}, not ${processor}`);
    for (const name of elf.needed) found.push(`needs the library ${name}`);
    if (elf.versions) found.push('has symbols with versions');
    for (const name of elf.wanted) {
      if (!/^napi_/.test(name) && !libc.has(name)) found.push(`needs ${name}`);
    }
    if (elf.defined.toSorted().join() !== exported.join()) found.push(`exports ${elf.defined.join(', ')}`);
  }
  return found.map((problem) => `${file}: ${problem}`);
}

const sectionTypes = { dynamic: 6, dynamicSymbols: 11, neededVersions: 0x6ffffffe };
const DT_NEEDED = 1n;

function readElf(bytes) {
  // Magic, 64 bits, little-endian, ET_DYN.
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes.readUInt16LE(4) !== 0x0102) return undefined;
  if (bytes.readUInt16LE(16) !== 3) return undefined;
  const sections = Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => {
    const at = Number(bytes.readBigUInt64LE(40)) + index * bytes.readUInt16LE(58);
    const offset = Number(bytes.readBigUInt64LE(at + 24));
    const content = bytes.subarray(offset, offset + Number(bytes.readBigUInt64LE(at + 32)));
    return { type: bytes.readUInt32LE(at + 4), content, strings: bytes.readUInt32LE(at + 40) };
  });
  const entries = (type, size) =>
    sections
      .filter((section) => section.type === type)
      .flatMap(({ content, strings }) => {
        const names = sections[strings].content;
        const text = (start) => names.toString('latin1', start, names.indexOf(0, start));
        const count = content.length / size;
        return Array.from({ length: count }, (_, i) => ({ entry: content.subarray(i * size, (i + 1) * size), text }));
      });
  const symbols = entries(sectionTypes.dynamicSymbols, 24)
    .map(({ entry, text }) => ({ name: text(entry.readUInt32LE(0)), section: entry.readUInt16LE(6) }))
    .filter(({ name }) => name !== '');
  return {
    machine: bytes.readUInt16LE(18),
    needed: entries(sectionTypes.dynamic, 16)
      .filter(({ entry }) => entry.readBigInt64LE(0) === DT_NEEDED)
      .map(({ entry, text }) => text(Number(entry.readBigUInt64LE(8)))),
    versions: sections.some(({ type }) => type === sectionTypes.neededVersions),
    wanted: symbols.filter(({ section }) => section === 0).map(({ name }) => name),
    defined: symbols.filter(({ section }) => section !== 0).map(({ name }) => name),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = problems(process.argv[2], process.argv[3] ?? process.arch);
  process.stdout.write(found.map((problem) => `${problem}\n`).join(''));
  process.exit(found.length > 0 ? 1 : 0);
}
