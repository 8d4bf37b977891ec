#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdint>

namespace kvm {
namespace {

int64_t OrErrno(int64_t result) { return result < 0 ? -static_cast<int64_t>(errno) : result; }

int64_t AddressOrErrno(void* mapped) {
  return mapped == MAP_FAILED ? -static_cast<int64_t>(errno) : reinterpret_cast<int64_t>(mapped);
}

void* Pointer(const Napi::Value& value) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(value.As<Napi::Number>().Int64Value()));
}

int Int(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

size_t Size(const Napi::Value& value) { return static_cast<size_t>(value.As<Napi::Number>().Int64Value()); }

Napi::Value Number(const Napi::CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

Napi::Value Open(const Napi::CallbackInfo& info) {
  // A longer path is cut, to one that the kernel still refuses: with ENAMETOOLONG.
  char path[PATH_MAX + 4] = {};
  napi_get_value_string_utf8(info.Env(), info[0], path, sizeof path, nullptr);
  return Number(info, OrErrno(open(path, O_RDWR | O_CLOEXEC)));
}

Napi::Value Close(const Napi::CallbackInfo& info) { return Number(info, OrErrno(close(Int(info[0])))); }

// Plain Node-API: most calls into the kernel pass here, and node-addon-api's wrapper would double the cost.
napi_value Ioctl(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  int32_t fd = -1;
  uint32_t request = 0;
  int64_t argument = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  napi_get_value_int32(env, arguments[0], &fd);
  napi_get_value_uint32(env, arguments[1], &request);
  napi_get_value_int64(env, arguments[2], &argument);
  const int result = ioctl(fd, request, argument);
  napi_value value;
  napi_create_int32(env, result < 0 ? -errno : result, &value);
  return value;
}

Napi::Value Address(const Napi::CallbackInfo& info) {
  void* data = nullptr;
  if (info[0].IsDataView()) {
    data = info[0].As<Napi::DataView>().Data();
  } else {
    napi_get_typedarray_info(info.Env(), info[0], nullptr, nullptr, &data, nullptr, nullptr);
  }
  return Number(info, reinterpret_cast<int64_t>(data));
}

Napi::Value Map(const Napi::CallbackInfo& info) {
  const off_t offset = static_cast<off_t>(info[2].As<Napi::Number>().Int64Value());
  void* address = mmap(nullptr, Size(info[1]), PROT_READ | PROT_WRITE, MAP_SHARED, Int(info[0]), offset);
  return Number(info, AddressOrErrno(address));
}

Napi::Value MapOver(const Napi::CallbackInfo& info) {
  const off_t offset = static_cast<off_t>(info[3].As<Napi::Number>().Int64Value());
  const int flags = MAP_FIXED | (info[4].As<Napi::Boolean>().Value() ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED);
  void* address = mmap(Pointer(info[1]), Size(info[2]), PROT_READ | PROT_WRITE, flags, Int(info[0]), offset);
  const int64_t result = AddressOrErrno(address);
  return Number(info, result < 0 ? result : 0);
}

Napi::Value Blank(const Napi::CallbackInfo& info) {
  const int flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
  const int64_t address = AddressOrErrno(mmap(Pointer(info[0]), Size(info[1]), PROT_READ | PROT_WRITE, flags, -1, 0));
  return Number(info, address < 0 ? address : 0);
}

Napi::Value Unmap(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(munmap(Pointer(info[0]), Size(info[1]))));
}

Napi::Value Discard(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(madvise(Pointer(info[0]), Size(info[1]), MADV_DONTNEED)));
}

Napi::Value Remove(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(madvise(Pointer(info[0]), Size(info[1]), MADV_REMOVE)));
}

Napi::Value PunchHole(const Napi::CallbackInfo& info) {
  const off_t offset = static_cast<off_t>(info[1].As<Napi::Number>().Int64Value());
  const off_t length = static_cast<off_t>(info[2].As<Napi::Number>().Int64Value());
  return Number(info, OrErrno(fallocate(Int(info[0]), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length)));
}

Napi::Value ZeroRange(const Napi::CallbackInfo& info) {
  const off_t offset = static_cast<off_t>(info[1].As<Napi::Number>().Int64Value());
  const off_t length = static_cast<off_t>(info[2].As<Napi::Number>().Int64Value());
  return Number(info, OrErrno(fallocate(Int(info[0]), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length)));
}

Napi::Value Lock(const Napi::CallbackInfo& info) {
  struct flock whole = {};
  whole.l_type = info[1].As<Napi::Boolean>().Value() ? F_WRLCK : F_RDLCK;
  return Number(info, OrErrno(fcntl(Int(info[0]), F_OFD_SETLK, &whole)));
}

Napi::Value MemoryFile(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(memfd_create("kvm", MFD_CLOEXEC)));
}

Napi::Value HugePages(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(madvise(Pointer(info[0]), Size(info[1]), MADV_HUGEPAGE)));
}

Napi::Value View(const Napi::CallbackInfo& info) {
  return Napi::ArrayBuffer::New(info.Env(), Pointer(info[0]), Size(info[1]));
}

Napi::Value Eventfd(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(eventfd(info[0].As<Napi::Number>().Uint32Value(), EFD_CLOEXEC | EFD_NONBLOCK)));
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(fcntl(Int(info[0]), F_DUPFD_CLOEXEC, 0)));
}

Napi::Value Read(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(read(Int(info[0]), Pointer(info[1]), Size(info[2]))));
}

Napi::Value Pread(const Napi::CallbackInfo& info) {
  const off_t offset = static_cast<off_t>(info[3].As<Napi::Number>().Int64Value());
  return Number(info, OrErrno(pread(Int(info[0]), Pointer(info[1]), Size(info[2]), offset)));
}

Napi::Value Write(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(write(Int(info[0]), Pointer(info[1]), Size(info[2]))));
}

Napi::Value Poll(const Napi::CallbackInfo& info) {
  struct pollfd one = {Int(info[0]), POLLIN, 0};
  return Number(info, OrErrno(poll(&one, 1, Int(info[1]))));
}

Napi::Value EpollCreate(const Napi::CallbackInfo& info) {
  return Number(info, OrErrno(epoll_create1(EPOLL_CLOEXEC)));
}

Napi::Value EpollControl(const Napi::CallbackInfo& info) {
  struct epoll_event event = {};
  event.events = info[3].As<Napi::Number>().Uint32Value();
  event.data.u32 = info[4].As<Napi::Number>().Uint32Value();
  return Number(info, OrErrno(epoll_ctl(Int(info[0]), Int(info[1]), Int(info[2]), &event)));
}

Napi::Value EpollWait(const Napi::CallbackInfo& info) {
  auto* events = static_cast<struct epoll_event*>(Pointer(info[1]));
  return Number(info, OrErrno(epoll_wait(Int(info[0]), events, Int(info[2]), Int(info[3]))));
}

Napi::Value Syscall(const Napi::CallbackInfo& info) {
  int64_t arguments[6];
  for (size_t i = 0; i < 6; i++) arguments[i] = info[i + 1].As<Napi::Number>().Int64Value();
  return Number(info, OrErrno(syscall(Int(info[0]), arguments[0], arguments[1], arguments[2], arguments[3],
                                      arguments[4], arguments[5])));
}

}  // namespace

void AddSyscalls(Napi::Env env, Napi::Object exports) {
  napi_value ioctl_function;
  napi_create_function(env, "ioctl", NAPI_AUTO_LENGTH, Ioctl, nullptr, &ioctl_function);
  exports.Set("ioctl", Napi::Value(env, ioctl_function));
  exports.Set("open", Napi::Function::New<Open>(env, "open"));
  exports.Set("close", Napi::Function::New<Close>(env, "close"));
  exports.Set("address", Napi::Function::New<Address>(env, "address"));
  exports.Set("map", Napi::Function::New<Map>(env, "map"));
  exports.Set("mapOver", Napi::Function::New<MapOver>(env, "mapOver"));
  exports.Set("blank", Napi::Function::New<Blank>(env, "blank"));
  exports.Set("unmap", Napi::Function::New<Unmap>(env, "unmap"));
  exports.Set("discard", Napi::Function::New<Discard>(env, "discard"));
  exports.Set("remove", Napi::Function::New<Remove>(env, "remove"));
  exports.Set("punchHole", Napi::Function::New<PunchHole>(env, "punchHole"));
  exports.Set("zeroRange", Napi::Function::New<ZeroRange>(env, "zeroRange"));
  exports.Set("lock", Napi::Function::New<Lock>(env, "lock"));
  exports.Set("memoryFile", Napi::Function::New<MemoryFile>(env, "memoryFile"));
  exports.Set("hugePages", Napi::Function::New<HugePages>(env, "hugePages"));
  exports.Set("view", Napi::Function::New<View>(env, "view"));
  exports.Set("eventfd", Napi::Function::New<Eventfd>(env, "eventfd"));
  exports.Set("duplicate", Napi::Function::New<Duplicate>(env, "duplicate"));
  exports.Set("read", Napi::Function::New<Read>(env, "read"));
  exports.Set("pread", Napi::Function::New<Pread>(env, "pread"));
  exports.Set("write", Napi::Function::New<Write>(env, "write"));
  exports.Set("poll", Napi::Function::New<Poll>(env, "poll"));
  exports.Set("epollCreate", Napi::Function::New<EpollCreate>(env, "epollCreate"));
  exports.Set("epollControl", Napi::Function::New<EpollControl>(env, "epollControl"));
  exports.Set("epollWait", Napi::Function::New<EpollWait>(env, "epollWait"));
  exports.Set("syscall", Napi::Function::New<Syscall>(env, "syscall"));
}

}  // namespace kvm
