// What glibc has, musl has not, and the part of Debian's libstdc++ that Bun uses refers to. See musl-bun.
#include <pthread.h>

__attribute__((visibility("hidden"))) void *__dso_handle = 0;
char __libc_single_threaded = 0;

// The unwinder then asks dl_iterate_phdr, which musl has.
int _dl_find_object(void *address, void *result) {
  (void)address;
  (void)result;
  return -1;
}

int __pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  return pthread_key_create(key, destructor);
}

// The seed of a std::random_device, which Bun does not use.
unsigned arc4random(void) { return 4; }
