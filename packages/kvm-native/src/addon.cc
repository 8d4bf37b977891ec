// @kvm/native: the system calls of @kvm/core's Backend interface, and nothing else. Every function returns a number that is
// not negative, or -errno; arguments were checked by the caller.
#include "addon.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  kvm::AddSyscalls(env, exports);
  kvm::AddInterrupts(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(kvm, Init)
