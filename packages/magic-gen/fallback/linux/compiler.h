/* What kernel headers took from it in older releases is gone from the ones that are installed. */
#ifndef __user
#define __user
#endif
