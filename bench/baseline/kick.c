/* Measures from when one thread decides to stop a spinning guest until KVM_RUN returns in the other thread. */
#define _GNU_SOURCE
#include "guest.h"
#include "loops.h"
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const uint8_t spins[] = {0xeb, 0xfe}; /* jmp to itself */

static struct guest guest;
static pid_t runner;
static atomic_int wanted; /* The turn that shall be kicked. */
static _Atomic uint64_t kicked_at;

static void nothing(int signal) { (void)signal; }

static void *kicker(void *unused) {
  (void)unused;
  for (int turn = 1;; turn++) {
    while (atomic_load(&wanted) < turn) nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    /* The guest runs by now. */
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_store(&kicked_at, now());
    guest.run->immediate_exit = 1;
    syscall(SYS_tgkill, getpid(), runner, SIGUSR1);
  }
  return NULL;
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

uint64_t measure_kick(uint32_t count) {
  if (guest.run == NULL) {
    guest = guest_start(spins, sizeof spins);
    runner = (pid_t)syscall(SYS_gettid);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, NULL);
    pthread_t thread;
    check(pthread_create(&thread, NULL, kicker, NULL) == 0, "pthread_create");
  }
  uint64_t *times = malloc(count * sizeof *times);
  check(times != NULL, "malloc");
  for (uint32_t i = 0; i < count; i++) {
    atomic_fetch_add(&wanted, 1);
    check(ioctl(guest.vcpu, KVM_RUN, 0) == -1 && errno == EINTR, "a kicked KVM_RUN");
    times[i] = now() - atomic_load(&kicked_at);
    guest.run->immediate_exit = 0;
  }
  qsort(times, count, sizeof *times, ascending);
  uint64_t median = times[count / 2];
  free(times);
  return median;
}
