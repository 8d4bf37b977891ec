/* How many bits the types long and long long have. */
#ifndef MAGIC_GEN_ASM_GENERIC_BITSPERLONG_H
#define MAGIC_GEN_ASM_GENERIC_BITSPERLONG_H

#ifndef __BITS_PER_LONG
#define __BITS_PER_LONG (__CHAR_BIT__ * __SIZEOF_LONG__)
#endif
#ifndef __BITS_PER_LONG_LONG
#define __BITS_PER_LONG_LONG 64
#endif

#endif
