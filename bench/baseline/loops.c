#include "loops.h"
#include "guest.h"
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Guests. */
/* mov dx, 0x10; again: out dx, al; jmp again */
static const uint8_t writes_port[] = {0xba, 0x10, 0x00, 0xee, 0xeb, 0xfd};
/* mov ax, 0x2000; mov ds, ax; again: mov [0], al; jmp again */
static const uint8_t writes_device[] = {0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa2, 0x00, 0x00, 0xeb, 0xfb};
/* hlt */
static const uint8_t halts[] = {0xf4};

/* Keeps the compiler from removing the reads of the loops. */
static volatile uint64_t sink;

static struct guest *resident(struct guest *guest, const uint8_t *code, size_t length) {
  if (guest->run == NULL) *guest = guest_start(code, length);
  return guest;
}

static struct guest *port_guest(void) {
  static struct guest guest;
  return resident(&guest, writes_port, sizeof writes_port);
}

static uint64_t port_write(uint32_t count) {
  struct guest *guest = port_guest();
  uint64_t sum = 0, start = now();
  for (uint32_t i = 0; i < count; i++) {
    guest_run(guest, KVM_EXIT_IO);
    sum += guest->run->io.port + *((uint8_t *)guest->run + guest->run->io.data_offset);
  }
  sink = sum;
  return now() - start;
}

static uint64_t device_write(uint32_t count) {
  static struct guest own;
  struct guest *guest = resident(&own, writes_device, sizeof writes_device);
  uint64_t sum = 0, start = now();
  for (uint32_t i = 0; i < count; i++) {
    guest_run(guest, KVM_EXIT_MMIO);
    sum += guest->run->mmio.phys_addr + guest->run->mmio.data[0];
  }
  sink = sum;
  return now() - start;
}

static uint64_t all_of(const struct kvm_regs *r) {
  return r->rax + r->rbx + r->rcx + r->rdx + r->rsi + r->rdi + r->rsp + r->rbp + r->r8 + r->r9 + r->r10 + r->r11 +
         r->r12 + r->r13 + r->r14 + r->r15 + r->rip + r->rflags;
}

static uint64_t exit_read_registers(uint32_t count) {
  struct guest *guest = port_guest();
  struct kvm_regs regs;
  uint64_t sum = 0, start = now();
  for (uint32_t i = 0; i < count; i++) {
    guest_run(guest, KVM_EXIT_IO);
    check(ioctl(guest->vcpu, KVM_GET_REGS, &regs) == 0, "KVM_GET_REGS");
    sum += all_of(&regs);
  }
  sink = sum;
  return now() - start;
}

static uint64_t exit_change_registers(uint32_t count) {
  struct guest *guest = port_guest();
  struct kvm_regs regs;
  uint64_t start = now();
  for (uint32_t i = 0; i < count; i++) {
    guest_run(guest, KVM_EXIT_IO);
    check(ioctl(guest->vcpu, KVM_GET_REGS, &regs) == 0, "KVM_GET_REGS");
    regs.rax++;
    check(ioctl(guest->vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
  }
  return now() - start;
}

static uint64_t check_extension(uint32_t count) {
  struct guest *guest = port_guest();
  uint64_t sum = 0, start = now();
  for (uint32_t i = 0; i < count; i++) sum += (uint64_t)ioctl(guest->kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
  sink = sum;
  return now() - start;
}

static uint64_t get_registers(uint32_t count) {
  struct guest *guest = port_guest();
  struct kvm_regs regs;
  uint64_t sum = 0, start = now();
  for (uint32_t i = 0; i < count; i++) {
    check(ioctl(guest->vcpu, KVM_GET_REGS, &regs) == 0, "KVM_GET_REGS");
    sum += regs.rip;
  }
  sink = sum;
  return now() - start;
}

static uint64_t set_registers(uint32_t count) {
  struct guest *guest = port_guest();
  struct kvm_regs regs;
  check(ioctl(guest->vcpu, KVM_GET_REGS, &regs) == 0, "KVM_GET_REGS");
  uint64_t start = now();
  for (uint32_t i = 0; i < count; i++) check(ioctl(guest->vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
  return now() - start;
}

static uint64_t open_to_halt(uint32_t count) {
  uint64_t start = now();
  for (uint32_t i = 0; i < count; i++) {
    struct guest guest = guest_start(halts, sizeof halts);
    guest_run(&guest, KVM_EXIT_HLT);
    guest_stop(&guest);
  }
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* The time that one exit in a thousand exceeds, instead of the sum. */
static uint64_t slowest_exits(uint32_t count) {
  struct guest *guest = port_guest();
  uint64_t *times = malloc(count * sizeof *times);
  check(times != NULL, "malloc");
  for (uint32_t i = 0; i < count; i++) {
    uint64_t start = now();
    guest_run(guest, KVM_EXIT_IO);
    times[i] = now() - start;
  }
  qsort(times, count, sizeof *times, ascending);
  uint64_t slow = times[(uint64_t)count * 999 / 1000];
  free(times);
  return slow;
}

/*
 * Copies `length` bytes at a time, all over 8 MiB, between guest memory and a buffer of the program. Neither fits into
 * a small cache.
 */
static uint64_t copy(uint32_t count, size_t length, int into_guest) {
  enum { size = 8 << 20 };
  static uint8_t *guest, *own;
  if (guest == NULL) {
    guest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), own = malloc(size);
    check(guest != MAP_FAILED && own != NULL, "memory");
    memset(guest, 1, size), memset(own, 2, size);
  }
  uint8_t *to = into_guest ? guest : own, *from = into_guest ? own : guest;
  uint64_t start = now();
  for (uint32_t i = 0; i < count; i++) {
    size_t at = (size_t)i * length % size;
    memcpy(to + at, from + at, length);
    /* Keeps the compiler from removing the copy. */
    __asm__ volatile("" : : "r"(to) : "memory");
  }
  return now() - start;
}

static uint64_t copy_in_4k(uint32_t count) { return copy(count, 4096, 1); }
static uint64_t copy_in_64k(uint32_t count) { return copy(count, 65536, 1); }
static uint64_t copy_in_1m(uint32_t count) { return copy(count, 1 << 20, 1); }
static uint64_t copy_out_4k(uint32_t count) { return copy(count, 4096, 0); }
static uint64_t copy_out_64k(uint32_t count) { return copy(count, 65536, 0); }
static uint64_t copy_out_1m(uint32_t count) { return copy(count, 1 << 20, 0); }

const struct loop loops[] = {
    {"pio", port_write},
    {"mmio", device_write},
    {"read-registers", exit_read_registers},
    {"change-registers", exit_change_registers},
    /* Does with one exit each what coalesced rings and ioeventfds do without. */
    {"coalesced", port_write},
    {"doorbell", port_write},
    {"check-extension", check_extension},
    {"get-registers", get_registers},
    {"set-registers", set_registers},
    {"open-to-halt", open_to_halt},
    {"restore", restore_to_exit},
    {"kick", measure_kick},
    {"p99.9", slowest_exits},
    {"copy-in-4k", copy_in_4k},
    {"copy-in-64k", copy_in_64k},
    {"copy-in-1m", copy_in_1m},
    {"copy-out-4k", copy_out_4k},
    {"copy-out-64k", copy_out_64k},
    {"copy-out-1m", copy_out_1m},
    {NULL, NULL},
};
