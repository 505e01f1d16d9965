/* A clock that is OFFSET seconds ahead of that of the machine. A process loads it before other libraries (LD_PRELOAD). */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, id, at);
    if (id == CLOCK_REALTIME) at->tv_sec += OFFSET;
    return result;
}
