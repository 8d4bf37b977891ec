/* One VM, one vCPU in real mode, 64 KiB of memory: the guest of every loop. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MEMORY_SIZE 0x10000
#define CODE_ADDRESS 0x1000

struct guest {
  int kvm, vm, vcpu;
  size_t run_size;
  struct kvm_run *run;
  uint8_t *memory;
};

uint64_t now(void);
void check(int condition, const char *what);
struct guest guest_start(const uint8_t *code, size_t length);
void guest_stop(struct guest *guest);
/* KVM_RUN, which must exit for this reason. */
void guest_run(struct guest *guest, uint32_t reason);
