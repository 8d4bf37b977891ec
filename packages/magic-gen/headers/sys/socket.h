/* What linux/if.h needs from the C library: an address of any family, as POSIX and Linux define it. */
#ifndef MAGIC_GEN_SYS_SOCKET_H
#define MAGIC_GEN_SYS_SOCKET_H

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};

#endif
