// @kvm/native: the system calls of @kvm/core's Backend interface, and nothing else. Every function returns a
// non-negative number or -errno. The caller has checked the arguments.
#include "addon.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  kvm::AddSyscalls(env, exports);
  kvm::AddInterrupts(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(kvm, Init)
