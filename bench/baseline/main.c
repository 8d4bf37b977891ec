/*
 * The baseline of all ratios. It stays in memory, and does a loop each time it is told to:
 *   "pio 1000\n" on stdin -> nanoseconds on stdout.
 */
#include "loops.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char name[64];
  uint32_t count;
  while (scanf("%63s %" SCNu32, name, &count) == 2) {
    const struct loop *loop = loops;
    while (loop->name != NULL && strcmp(loop->name, name) != 0) loop++;
    /* Asked for no turn at all, it says whether it has such a loop. */
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
