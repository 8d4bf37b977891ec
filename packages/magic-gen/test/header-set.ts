import type { HeaderSet } from '../src/headers/find.js';
import { folderForTest } from './folder.js';

const basics = {
  'linux/version.h': '#define LINUX_VERSION_CODE 393472\n',
  'linux/types.h': [
    '#ifndef TYPES',
    '#define TYPES',
    'typedef unsigned char __u8;',
    'typedef signed char __s8;',
    'typedef unsigned short __u16;',
    'typedef short __s16;',
    'typedef unsigned int __u32;',
    'typedef int __s32;',
    'typedef unsigned long long __u64;',
    'typedef long long __s64;',
    'typedef __u32 __le32;',
    'typedef __u64 __le64;',
    '#endif',
    '',
  ].join('\n'),
  'linux/ioctl.h': [
    '#define _IOC(dir, type, nr, size) (((dir) << 30) | ((type) << 8) | (nr) | ((size) << 16))',
    '#define _IO(type, nr) _IOC(0U, (type), (nr), 0)',
    '#define _IOR(type, nr, size) _IOC(2U, (type), (nr), (sizeof(size)))',
    '#define _IOW(type, nr, size) _IOC(1U, (type), (nr), (sizeof(size)))',
    '#define _IOWR(type, nr, size) _IOC(3U, (type), (nr), (sizeof(size)))',
    '#define _IOC_DIR(nr) (((nr) >> 30) & 3)',
    '#define _IOC_TYPE(nr) (((nr) >> 8) & 0xff)',
    '#define _IOC_NR(nr) ((nr) & 0xff)',
    '#define _IOC_SIZE(nr) (((nr) >> 16) & 0x3fff)',
    '',
  ].join('\n'),
  'asm/kvm.h': '',
};

/** A header set on disk for one test, with the text as its linux/kvm.h. */
export function headerSet(kvm: string, others: Readonly<Record<string, string>> = {}): HeaderSet {
  const includes = '#include <linux/types.h>\n#include <linux/ioctl.h>\n';
  const directory = folderForTest({ ...basics, 'linux/kvm.h': `${includes}${kvm}\n`, ...others });
  return { directories: [directory], kernel: '6.1' };
}

/** How many lines of `linux/kvm.h` come before the text given to `headerSet`. */
export const linesBefore = 2;
