/* The measured loops. Each does its work `count` times and returns the time in nanoseconds. */
#pragma once
#include <stdint.h>

struct loop {
  const char *name;
  uint64_t (*measure)(uint32_t count);
};

extern const struct loop loops[];
uint64_t measure_kick(uint32_t count);
uint64_t restore_to_exit(uint32_t count);
