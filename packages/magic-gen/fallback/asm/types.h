/* The kernel's integer types. */
#ifndef MAGIC_GEN_ASM_TYPES_H
#define MAGIC_GEN_ASM_TYPES_H

#include <asm/bitsperlong.h>

typedef signed char __s8;
typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef signed int __s32;
typedef unsigned int __u32;

/* Only on these two is a 64-bit integer a long where long has 64 bits, unless the program asks otherwise. */
#if (defined(__powerpc64__) || (defined(__mips__) && __SIZEOF_LONG__ == 8)) && !defined(__SANE_USERSPACE_TYPES__)
typedef signed long __s64;
typedef unsigned long __u64;
#else
typedef signed long long __s64;
typedef unsigned long long __u64;
#endif

#endif
