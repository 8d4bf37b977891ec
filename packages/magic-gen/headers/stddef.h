/* What macros of kernel headers take from C's <stddef.h>: a set of kernel headers has no C library. */
#ifndef MAGIC_GEN_STDDEF_H
#define MAGIC_GEN_STDDEF_H

#define offsetof(type, member) __builtin_offsetof(type, member)

#endif
