// A program for Linux guests without a C library: busybox has no AF_VSOCK.
//   vsock connect CID PORT     joins a connection to stdin and stdout
//   vsock listen PORT          accepts one connection, and joins it
//   vsock many CID PORT COUNT  holds so many connections at a time, each of which echoes a byte
// clang-19 -static -nostdlib -ffreestanding -fno-stack-protector -O1 -o vsock vsock-guest.c

typedef unsigned int u32;

enum { Read, Write, Close = 3, Socket = 41, Connect, Accept, Shutdown = 48, Bind, Listen, Fork = 57, Exit = 60, Wait };
enum { AfVsock = 40, SockStream = 1, ShutWrite = 1 };

struct address {
  unsigned short family, reserved;
  u32 port, cid, flags;
};

static char buffer[65536];
static int sockets[1024];

static long call(long number, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

static void say(const char *text) {
  long length = 0;
  while (text[length] != 0) length++;
  call(Write, 2, (long)text, length, 0);
}

static long checked(const char *what, long result) {
  if (result >= 0) return result;
  say(what);
  say(" failed\n");
  call(Exit, -result & 0xff, 0, 0, 0);
  return 0;
}

static u32 numberIn(const char *text) {
  u32 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u32)(*text - '0');
  return value;
}

/** Copies until the end of the source. */
static void copy(int from, int to) {
  for (;;) {
    long length = checked("read", call(Read, from, (long)buffer, sizeof buffer, 0));
    if (length == 0) return;
    for (long done = 0; done < length;)
      done += checked("write", call(Write, to, (long)buffer + done, length - done, 0));
  }
}

/** Both directions at a time, and each ends by itself. */
static void join(int fd) {
  long child = checked("fork", call(Fork, 0, 0, 0, 0));
  if (child == 0) {
    copy(fd, 1);
    call(Exit, 0, 0, 0, 0);
  }
  copy(0, fd);
  call(Shutdown, fd, ShutWrite, 0, 0);
  call(Wait, child, 0, 0, 0);
  call(Close, fd, 0, 0, 0);
}

static int open(void) { return (int)checked("socket", call(Socket, AfVsock, SockStream, 0, 0)); }

static int connected(u32 cid, u32 port) {
  struct address to;
  to.family = AfVsock;
  to.reserved = 0;
  to.port = port;
  to.cid = cid;
  to.flags = 0;
  int fd = open();
  checked("connect", call(Connect, fd, (long)&to, sizeof to, 0));
  return fd;
}

static int accepted(u32 port) {
  struct address any;
  any.family = AfVsock;
  any.reserved = 0;
  any.port = port;
  any.cid = 0xffffffff;
  any.flags = 0;
  int fd = open();
  checked("bind", call(Bind, fd, (long)&any, sizeof any, 0));
  checked("listen", call(Listen, fd, 1, 0, 0));
  say("listening\n");
  return (int)checked("accept", call(Accept, fd, 0, 0, 0));
}

static void many(u32 cid, u32 port, u32 count) {
  for (u32 i = 0; i < count; i++) sockets[i] = connected(cid, port);
  for (u32 i = 0; i < count; i++) {
    char byte = (char)i;
    checked("write", call(Write, sockets[i], (long)&byte, 1, 0));
  }
  for (u32 i = 0; i < count; i++) {
    char byte = (char)(i + 1);
    checked("read", call(Read, sockets[i], (long)&byte, 1, 0));
    if (byte != (char)i) checked("the echo", -1);
  }
}

__attribute__((used)) static void start(long *stack) {
  char **arguments = (char **)(stack + 1);
  const char *verb = arguments[1];
  if (verb[0] == 'l') join(accepted(numberIn(arguments[2])));
  else if (verb[0] == 'c') join(connected(numberIn(arguments[2]), numberIn(arguments[3])));
  else many(numberIn(arguments[2]), numberIn(arguments[3]), numberIn(arguments[4]));
  call(Exit, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
