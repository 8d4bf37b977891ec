/* What an architecture adds to asm-generic/bitsperlong.h: nothing. */
#include <asm-generic/bitsperlong.h>
