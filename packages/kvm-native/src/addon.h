// The parts of the addon, each of which adds its functions to the exports.
#pragma once

#include <napi.h>

namespace kvm {

// System calls: open, close, ioctl, map, blank, unmap, view, address, eventfd, read, write.
void AddSyscalls(Napi::Env env, Napi::Object exports);

// What an exit passes through, and what cuts a run short: runner, threadId, interrupt, and timers.
void AddRun(Napi::Env env, Napi::Object exports);

}  // namespace kvm
