/*
 * The baseline of all ratios. It stays in memory and runs a loop for each line of input:
 *   "pio 1000\n" on stdin -> nanoseconds on stdout.
 */
#include "loops.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *nothing(void *unused) {
  (void)unused;
  for (;;) pause();
}

int main(int argc, char **argv) {
  (void)argv;
  /* With any argument it has a second thread, which is idle. */
  pthread_t thread;
  if (argc > 1 && pthread_create(&thread, NULL, nothing, NULL) != 0) return 1;
  char name[64];
  uint32_t count;
  while (scanf("%63s %" SCNu32, name, &count) == 2) {
    const struct loop *loop = loops;
    while (loop->name != NULL && strcmp(loop->name, name) != 0) loop++;
    /* A count of 0 asks whether the loop exists. */
    if (loop->name == NULL)
      puts("-");
    else if (count == 0)
      puts("");
    else
      printf("%" PRIu64 "\n", loop->measure(count));
    fflush(stdout);
  }
  return 0;
}
