#include "guest.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void check(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

struct guest guest_start(const uint8_t *code, size_t length) {
  struct guest guest;
  guest.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  check(guest.kvm >= 0, "/dev/kvm");
  int run_size = ioctl(guest.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  check(run_size > 0, "KVM_GET_VCPU_MMAP_SIZE");
  guest.run_size = (size_t)run_size;
  guest.vm = ioctl(guest.kvm, KVM_CREATE_VM, 0);
  check(guest.vm >= 0, "KVM_CREATE_VM");
  guest.memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(guest.memory != MAP_FAILED, "mmap");
  memcpy(guest.memory + CODE_ADDRESS, code, length);
  struct kvm_userspace_memory_region region = {.memory_size = MEMORY_SIZE, .userspace_addr = (uintptr_t)guest.memory};
  check(ioctl(guest.vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
  guest.vcpu = ioctl(guest.vm, KVM_CREATE_VCPU, 0);
  check(guest.vcpu >= 0, "KVM_CREATE_VCPU");
  guest.run = mmap(NULL, guest.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vcpu, 0);
  check(guest.run != MAP_FAILED, "mmap of the run state");
  struct kvm_sregs sregs;
  check(ioctl(guest.vcpu, KVM_GET_SREGS, &sregs) == 0, "KVM_GET_SREGS");
  sregs.cs.base = sregs.ds.base = sregs.es.base = 0;
  sregs.cs.selector = sregs.ds.selector = sregs.es.selector = 0;
  check(ioctl(guest.vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = CODE_ADDRESS, .rflags = 2, .rsp = 0x8000};
  check(ioctl(guest.vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
  return guest;
}

void guest_stop(struct guest *guest) {
  munmap(guest->run, guest->run_size);
  close(guest->vcpu);
  close(guest->vm);
  munmap(guest->memory, MEMORY_SIZE);
  close(guest->kvm);
}

void guest_run(struct guest *guest, uint32_t reason) {
  check(ioctl(guest->vcpu, KVM_RUN, 0) == 0, "KVM_RUN");
  if (guest->run->exit_reason == reason) return;
  fprintf(stderr, "exit reason %u, expected %u\n", guest->run->exit_reason, reason);
  exit(1);
}
