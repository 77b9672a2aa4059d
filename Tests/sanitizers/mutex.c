/*
 * Tells ThreadSanitizer of Swift's Mutex. It is loaded before the tests.
 *
 * Where nobody waits, Mutex is a few atomic accesses in the tests' own code, which the sanitizer sees. Where somebody
 * waits, the rest is in a library that was built without the sanitizer. It would take what one thread wrote before it
 * gave the mutex away, and another one reads that waited, for a race.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT  __attribute__((swiftcall))
#define SELF   __attribute__((swift_context))
#define LOCK   "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef SWIFT void lock_slow(uint32_t thread, SELF void *self);
typedef SWIFT void unlock_slow(SELF void *self);

/* Programs that the tests start are built without the sanitizer. */
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

SWIFT void wait_and_lock(uint32_t thread, SELF void *self) __asm__(LOCK);
SWIFT void wait_and_lock(uint32_t thread, SELF void *self)
{
	((lock_slow *)next(LOCK))(thread, self);
	if (__tsan_acquire)
		__tsan_acquire(self);
}

SWIFT void unlock_and_wake(SELF void *self) __asm__(UNLOCK);
SWIFT void unlock_and_wake(SELF void *self)
{
	if (__tsan_release)
		__tsan_release(self);
	((unlock_slow *)next(UNLOCK))(self);
}
