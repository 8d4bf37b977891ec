// Each part of the addon adds its functions to the exports.
#pragma once

#include <napi.h>

namespace kvm {

// System calls: open, close, ioctl, map, blank, unmap, view, address, eventfd, read, write.
void AddSyscalls(Napi::Env env, Napi::Object exports);

// Interruption of runs: threadId, interrupt, and timers.
void AddInterrupts(Napi::Env env, Napi::Object exports);

}  // namespace kvm
