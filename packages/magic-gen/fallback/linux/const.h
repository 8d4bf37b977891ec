#ifndef MAGIC_GEN_LINUX_CONST_H
#define MAGIC_GEN_LINUX_CONST_H

#define __AC(number, suffix) number##suffix
#define _AC(number, suffix) __AC(number, suffix)
#define _AT(type, value) ((type)(value))
#define _UL(number) _AC(number, UL)
#define _ULL(number) _AC(number, ULL)
#define _BITUL(bit) (_UL(1) << (bit))
#define _BITULL(bit) (_ULL(1) << (bit))

#define __ALIGN_KERNEL_MASK(value, mask) (((value) + (mask)) & ~(mask))
#define __ALIGN_KERNEL(value, alignment) __ALIGN_KERNEL_MASK(value, (__typeof__(value))(alignment) - 1)
#define __KERNEL_DIV_ROUND_UP(value, divisor) (((value) + (divisor) - 1) / (divisor))

#endif
