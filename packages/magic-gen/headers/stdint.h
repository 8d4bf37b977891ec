/* The integer types of C's <stdint.h> that kernel headers use: a set of kernel headers has no C library. */
#ifndef MAGIC_GEN_STDINT_H
#define MAGIC_GEN_STDINT_H

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
#ifdef __LP64__
typedef unsigned long uint64_t;
typedef long int64_t;
#else
typedef unsigned long long uint64_t;
typedef long long int64_t;
#endif
typedef unsigned long uintptr_t;
typedef long intptr_t;

#endif
