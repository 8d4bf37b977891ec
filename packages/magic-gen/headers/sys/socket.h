/* What linux/if.h takes from the C library: an address of any family, as POSIX and Linux have it. */
#ifndef MAGIC_GEN_SYS_SOCKET_H
#define MAGIC_GEN_SYS_SOCKET_H

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};

#endif
