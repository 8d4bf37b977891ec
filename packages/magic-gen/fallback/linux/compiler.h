/* Installed headers no longer use anything of it; those of older releases include it. */
#ifndef __user
#define __user
#endif
