#include "addon.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

// musl has this name, glibc only its definition.
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace kvm {
namespace {

Napi::Value ThreadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(syscall(SYS_gettid)));
}

// Interrupts KVM_RUN and does nothing else. Node unloads the addon with the last thread that loaded it, but the kernel
// still calls the handler. So the library is linked with -z nodelete and stays loaded.
void Harmless(int) {}

// Real-time signals. libc, and by convention debuggers and runtimes, use the lower ones.
constexpr int kFirstKickSignal = 40;
constexpr int kLastKickSignal = 60;
std::atomic<int> kick_signal{0};

// The signal for kicks: the first unused one, or -EBUSY.
int PrepareKickSignal() {
  const int known = kick_signal.load(std::memory_order_acquire);
  if (known != 0) return known;
  for (int number = kFirstKickSignal; number <= kLastKickSignal; number++) {
    struct sigaction current = {};
    sigaction(number, nullptr, &current);
    // Another thread may have been faster.
    if (current.sa_handler != SIG_DFL && current.sa_handler != Harmless) continue;
    struct sigaction action = {};
    action.sa_handler = Harmless;
    // KVM_RUN returns EINTR in any case. A read that a late signal interrupts is restarted.
    action.sa_flags = SA_RESTART;
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

Napi::Value OrErrno(const Napi::CallbackInfo& info, long result) {
  return Napi::Number::New(info.Env(), static_cast<double>(result < 0 ? -errno : result));
}

// Direct system calls: glibc before 2.34 has these functions in a separate library.
Napi::Value CreateTimer(const Napi::CallbackInfo& info) {
  const int signal = PrepareKickSignal();
  if (signal < 0) return Napi::Number::New(info.Env(), signal);
  struct sigevent event = {};
  event.sigev_signo = signal;
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_notify_thread_id = info[0].As<Napi::Number>().Int32Value();
  int timer = -1;
  const long result = syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
  return OrErrno(info, result < 0 ? result : timer);
}

Napi::Value SetTimer(const Napi::CallbackInfo& info) {
  const double milliseconds = info[1].As<Napi::Number>().DoubleValue();
  const int64_t seconds = static_cast<int64_t>(milliseconds / 1000);
  struct itimerspec value = {};
  if (milliseconds != 0) {
    const int64_t every = info[2].As<Napi::Number>().Int64Value();
    value.it_interval.tv_sec = static_cast<time_t>(every / 1000);
    value.it_interval.tv_nsec = static_cast<long>(every % 1000 * 1000000);
  }
  // Rounded up, because zero would stop the timer.
  const double rest = (milliseconds - static_cast<double>(seconds) * 1000) * 1e6;
  long nanoseconds = static_cast<long>(rest);
  if (static_cast<double>(nanoseconds) < rest) nanoseconds++;
  value.it_value.tv_sec = static_cast<time_t>(seconds);
  value.it_value.tv_nsec = nanoseconds < 1000000000 ? nanoseconds : 999999999;
  return OrErrno(info, syscall(SYS_timer_settime, info[0].As<Napi::Number>().Int32Value(), 0, &value, nullptr));
}

Napi::Value DeleteTimer(const Napi::CallbackInfo& info) {
  return OrErrno(info, syscall(SYS_timer_delete, info[0].As<Napi::Number>().Int32Value()));
}

}  // namespace

void AddInterrupts(Napi::Env env, Napi::Object exports) {
  exports.Set("threadId", Napi::Function::New<ThreadId>(env, "threadId"));
  exports.Set("interrupt", Napi::Function::New<Interrupt>(env, "interrupt"));
  exports.Set("createTimer", Napi::Function::New<CreateTimer>(env, "createTimer"));
  exports.Set("setTimer", Napi::Function::New<SetTimer>(env, "setTimer"));
  exports.Set("deleteTimer", Napi::Function::New<DeleteTimer>(env, "deleteTimer"));
}

}  // namespace kvm
