#include "addon.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace kvm {
namespace {

struct Runner {
  int fd;
  uint32_t request;
};

// The exit path below JavaScript, in plain Node-API: one KVM_RUN on the vCPU the function is bound to.
napi_value Run(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const Runner* runner = static_cast<const Runner*>(data);
  const int result = ioctl(runner->fd, runner->request, 0);
  napi_value value;
  napi_create_int32(env, result < 0 ? -errno : 0, &value);
  return value;
}

Napi::Value MakeRunner(const Napi::CallbackInfo& info) {
  auto* runner = new Runner{info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Uint32Value()};
  napi_value function;
  if (napi_create_function(info.Env(), "run", NAPI_AUTO_LENGTH, Run, runner, &function) != napi_ok) {
    delete runner;
    throw Napi::Error::New(info.Env());
  }
  napi_add_finalizer(
      info.Env(), function, runner, [](napi_env, void* data, void*) { delete static_cast<Runner*>(data); }, nullptr, nullptr);
  return Napi::Value(info.Env(), function);
}

Napi::Value ThreadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(syscall(SYS_gettid)));
}

// Interrupts the system call it arrives in, and does nothing else.
void Harmless(int) {}

// Real-time signals; those below are taken by libc and, by custom, by debuggers and runtimes.
constexpr int kFirstKickSignal = 40;
constexpr int kLastKickSignal = 60;
std::atomic<int> kick_signal{0};

// The signal for kicks: the first one nobody uses, or -EBUSY.
int PrepareKickSignal() {
  const int known = kick_signal.load(std::memory_order_acquire);
  if (known != 0) return known;
  for (int number = kFirstKickSignal; number <= kLastKickSignal; number++) {
    struct sigaction current = {};
    sigaction(number, nullptr, &current);
    // Another thread may have been here first.
    if (current.sa_handler != SIG_DFL && current.sa_handler != Harmless) continue;
    struct sigaction action = {};
    action.sa_handler = Harmless;
    sigaction(number, &action, nullptr);
    kick_signal.store(number, std::memory_order_release);
    return number;
  }
  return -EBUSY;
}

Napi::Value Interrupt(const Napi::CallbackInfo& info) {
  const int signal = PrepareKickSignal();
  if (signal < 0) return Napi::Number::New(info.Env(), signal);
  const long result = syscall(SYS_tgkill, getpid(), info[0].As<Napi::Number>().Int32Value(), signal);
  return Napi::Number::New(info.Env(), result < 0 ? -errno : 0);
}

}  // namespace

void AddRun(Napi::Env env, Napi::Object exports) {
  exports.Set("runner", Napi::Function::New<MakeRunner>(env, "runner"));
  exports.Set("threadId", Napi::Function::New<ThreadId>(env, "threadId"));
  exports.Set("interrupt", Napi::Function::New<Interrupt>(env, "interrupt"));
}

}  // namespace kvm
