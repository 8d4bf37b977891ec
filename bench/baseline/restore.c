/* Restores a small VM from a saved state, as vm.restore of @kvm/core does, with the necessary calls only. */
#include "guest.h"
#include "loops.h"
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { most_cpuid = 256, most_msrs = 1024, msrs_at_once = 255 };

/* mov dx, 0x10; out dx, al. A HLT would wait in the kernel, because the APIC is there. */
static const uint8_t writes_port_once[] = {0xba, 0x10, 0x00, 0xee};

/*
 * The whole state of a VM with interrupt controllers, a timer, 64 KiB of memory with one page that is not zero, and one
 * vCPU.
 */
static struct {
  int kvm;
  size_t run_size;
  uint8_t page[4096];
  struct kvm_clock_data clock;
  struct kvm_irqchip chips[3];
  struct kvm_pit_state2 pit;
  struct kvm_cpuid2 *cpuid;
  int tsc_khz;
  int has_sregs2, has_nested, has_xcrs;
  struct kvm_sregs sregs;
  struct kvm_sregs2 sregs2;
  struct kvm_nested_state *nested;
  struct kvm_regs regs;
  size_t xsave_size; /* 0 where 4096 bytes hold it, and there is no KVM_GET_XSAVE2. */
  struct kvm_xsave *xsave;
  struct kvm_xcrs xcrs;
  struct kvm_debugregs debugregs;
  struct kvm_lapic_state lapic;
  uint32_t msr_count;
  struct kvm_msr_entry msrs[most_msrs];
  struct kvm_vcpu_events events;
  struct kvm_mp_state mp_state;
} saved;

struct machine {
  int vm, vcpu;
  uint8_t *memory;
  struct kvm_run *run;
};

static void call(int fd, unsigned long request, const void *argument, const char *name) {
  check(ioctl(fd, request, argument) >= 0, name);
}
#define CALL(fd, request, argument) call(fd, request, argument, #request)

static uint32_t get_or_set_msrs(int vcpu, unsigned long request, struct kvm_msr_entry *entries, uint32_t count) {
  static union {
    struct kvm_msrs msrs;
    uint8_t bytes[sizeof(struct kvm_msrs) + msrs_at_once * sizeof(struct kvm_msr_entry)];
  } room;
  room.msrs.nmsrs = count < msrs_at_once ? count : msrs_at_once;
  memcpy(room.msrs.entries, entries, room.msrs.nmsrs * sizeof *entries);
  int done = ioctl(vcpu, request, &room);
  check(done >= 0, "KVM_GET_MSRS or KVM_SET_MSRS");
  if (request == KVM_GET_MSRS) memcpy(entries, room.msrs.entries, (size_t)done * sizeof *entries);
  return (uint32_t)done;
}

static void save_msrs(int vcpu) {
  struct kvm_msr_list *list = calloc(1, sizeof *list + most_msrs * sizeof *list->indices);
  check(list != NULL, "calloc");
  list->nmsrs = most_msrs;
  CALL(saved.kvm, KVM_GET_MSR_INDEX_LIST, list);
  struct kvm_msr_entry *wanted = calloc(list->nmsrs + 1, sizeof *wanted);
  check(wanted != NULL, "calloc");
  for (uint32_t i = 0; i < list->nmsrs; i++) wanted[i].index = list->indices[i];
  for (uint32_t at = 0; at < list->nmsrs;) {
    uint32_t got = get_or_set_msrs(vcpu, KVM_GET_MSRS, wanted + at, list->nmsrs - at);
    memcpy(saved.msrs + saved.msr_count, wanted + at, got * sizeof *wanted);
    saved.msr_count += got;
    /* The kernel stops at an MSR that the CPUID of this vCPU hides. */
    at += got + (got < msrs_at_once);
  }
  free(wanted);
  free(list);
}

static struct machine create(void) {
  struct machine machine;
  machine.vm = ioctl(saved.kvm, KVM_CREATE_VM, 0);
  check(machine.vm >= 0, "KVM_CREATE_VM");
  machine.memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(machine.memory != MAP_FAILED, "mmap");
  memcpy(machine.memory + CODE_ADDRESS, saved.page, sizeof saved.page);
  CALL(machine.vm, KVM_SET_USER_MEMORY_REGION,
       (&(struct kvm_userspace_memory_region){
           .memory_size = MEMORY_SIZE,
           .userspace_addr = (uintptr_t)machine.memory,
       }));
  CALL(machine.vm, KVM_CREATE_IRQCHIP, NULL);
  CALL(machine.vm, KVM_CREATE_PIT2, &(struct kvm_pit_config){0});
  return machine;
}

static void create_vcpu(struct machine *machine) {
  machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
  check(machine->vcpu >= 0, "KVM_CREATE_VCPU");
  machine->run = mmap(NULL, saved.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
  check(machine->run != MAP_FAILED, "mmap of the run state");
}

static void destroy(struct machine *machine) {
  munmap(machine->run, saved.run_size);
  close(machine->vcpu);
  close(machine->vm);
  munmap(machine->memory, MEMORY_SIZE);
}

/* Creates the VM once and saves it. */
static void save(void) {
  saved.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  check(saved.kvm >= 0, "/dev/kvm");
  saved.run_size = (size_t)ioctl(saved.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  memcpy(saved.page, writes_port_once, sizeof writes_port_once);
  struct machine machine = create();
  create_vcpu(&machine);
  int vm = machine.vm, vcpu = machine.vcpu;
  saved.cpuid = calloc(1, sizeof *saved.cpuid + most_cpuid * sizeof *saved.cpuid->entries);
  check(saved.cpuid != NULL, "calloc");
  saved.cpuid->nent = most_cpuid;
  CALL(saved.kvm, KVM_GET_SUPPORTED_CPUID, saved.cpuid);
  CALL(vcpu, KVM_SET_CPUID2, saved.cpuid);
  saved.cpuid->nent = most_cpuid;
  CALL(vcpu, KVM_GET_CPUID2, saved.cpuid);
  CALL(vcpu, KVM_GET_SREGS, &saved.sregs);
  saved.sregs.cs.base = saved.sregs.ds.base = saved.sregs.es.base = 0;
  saved.sregs.cs.selector = saved.sregs.ds.selector = saved.sregs.es.selector = 0;
  CALL(vcpu, KVM_SET_SREGS, &saved.sregs);
  saved.regs = (struct kvm_regs){.rip = CODE_ADDRESS, .rflags = 2, .rsp = 0x8000};
  CALL(vcpu, KVM_SET_REGS, &saved.regs);

  CALL(vcpu, KVM_GET_MP_STATE, &saved.mp_state);
  CALL(vcpu, KVM_GET_VCPU_EVENTS, &saved.events);
  save_msrs(vcpu);
  CALL(vcpu, KVM_GET_LAPIC, &saved.lapic);
  CALL(vcpu, KVM_GET_DEBUGREGS, &saved.debugregs);
  saved.has_xcrs = ioctl(vcpu, KVM_GET_XCRS, &saved.xcrs) == 0;
  int xsave2 = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
  saved.xsave_size = xsave2 > 0 ? (size_t)xsave2 : 0;
  saved.xsave = calloc(1, saved.xsave_size > sizeof *saved.xsave ? saved.xsave_size : sizeof *saved.xsave);
  check(saved.xsave != NULL, "calloc");
  if (saved.xsave_size > 0)
    CALL(vcpu, KVM_GET_XSAVE2, saved.xsave);
  else
    CALL(vcpu, KVM_GET_XSAVE, saved.xsave);
  int nested = ioctl(saved.kvm, KVM_CHECK_EXTENSION, KVM_CAP_NESTED_STATE);
  if (nested > 0) {
    saved.nested = calloc(1, (size_t)nested);
    check(saved.nested != NULL, "calloc");
    saved.nested->size = (uint32_t)nested;
    saved.has_nested = ioctl(vcpu, KVM_GET_NESTED_STATE, saved.nested) == 0;
  }
  saved.has_sregs2 = ioctl(vcpu, KVM_GET_SREGS2, &saved.sregs2) == 0;
  CALL(vcpu, KVM_GET_SREGS, &saved.sregs);
  saved.tsc_khz = ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
  CALL(vm, KVM_GET_PIT2, &saved.pit);
  for (uint32_t i = 0; i < 3; i++) {
    saved.chips[i].chip_id = i;
    CALL(vm, KVM_GET_IRQCHIP, &saved.chips[i]);
  }
  CALL(vm, KVM_GET_CLOCK, &saved.clock);
  destroy(&machine);
}

static struct machine restore(void) {
  struct machine machine = create();
  int vm = machine.vm;
  CALL(vm, KVM_SET_CLOCK, (&(struct kvm_clock_data){.clock = saved.clock.clock}));
  create_vcpu(&machine);
  int vcpu = machine.vcpu;
  CALL(vcpu, KVM_SET_CPUID2, saved.cpuid);
  if (ioctl(vcpu, KVM_GET_TSC_KHZ, 0) != saved.tsc_khz)
    check(ioctl(vcpu, KVM_SET_TSC_KHZ, saved.tsc_khz) == 0, "KVM_SET_TSC_KHZ");
  if (saved.has_sregs2)
    CALL(vcpu, KVM_SET_SREGS2, &saved.sregs2);
  else
    CALL(vcpu, KVM_SET_SREGS, &saved.sregs);
  if (saved.has_nested) CALL(vcpu, KVM_SET_NESTED_STATE, saved.nested);
  CALL(vcpu, KVM_SET_REGS, &saved.regs);
  CALL(vcpu, KVM_SET_XSAVE, saved.xsave);
  if (saved.has_xcrs) CALL(vcpu, KVM_SET_XCRS, &saved.xcrs);
  CALL(vcpu, KVM_SET_DEBUGREGS, &saved.debugregs);
  CALL(vcpu, KVM_SET_LAPIC, &saved.lapic);
  for (uint32_t at = 0; at < saved.msr_count;) {
    uint32_t set = get_or_set_msrs(vcpu, KVM_SET_MSRS, saved.msrs + at, saved.msr_count - at);
    at += set;
    if (at == saved.msr_count || set == msrs_at_once) continue;
    /* Some cannot be set because they never change. */
    struct kvm_msr_entry now = saved.msrs[at];
    check(get_or_set_msrs(vcpu, KVM_GET_MSRS, &now, 1) == 1 && now.data == saved.msrs[at].data, "KVM_SET_MSRS");
    at++;
  }
  CALL(vcpu, KVM_SET_VCPU_EVENTS, &saved.events);
  CALL(vcpu, KVM_SET_MP_STATE, &saved.mp_state);
  for (uint32_t i = 0; i < 3; i++) CALL(vm, KVM_SET_IRQCHIP, &saved.chips[i]);
  CALL(vm, KVM_SET_PIT2, &saved.pit);
  return machine;
}

uint64_t restore_to_exit(uint32_t count) {
  if (saved.cpuid == NULL) save();
  uint64_t start = now();
  for (uint32_t i = 0; i < count; i++) {
    struct machine machine = restore();
    check(ioctl(machine.vcpu, KVM_RUN, 0) == 0 && machine.run->exit_reason == KVM_EXIT_IO,
          "the run of a restored vCPU");
    destroy(&machine);
  }
  return now() - start;
}
