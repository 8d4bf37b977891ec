// The operators that node-addon-api uses. Those of libstdc++ would make the addon depend on that library, or on the
// exceptions inside it. Only calls with more than six arguments allocate, and the addon has none.
#include <cstddef>
#include <cstdlib>

void* operator new(size_t size) {
  void* memory = malloc(size);
  if (memory == nullptr) abort();
  return memory;
}

void* operator new[](size_t size) { return operator new(size); }

void operator delete(void* memory) noexcept { free(memory); }

void operator delete[](void* memory) noexcept { free(memory); }

void operator delete(void* memory, size_t) noexcept { free(memory); }

void operator delete[](void* memory, size_t) noexcept { free(memory); }
