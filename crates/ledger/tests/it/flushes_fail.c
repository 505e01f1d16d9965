/* Loaded before the C library: every flush of the disk fails while the file of LEDGER_FLUSHES_FAIL is there. What was
   written before stays in the file, as with a real disk. In C, since it cannot be said in Rust without `unsafe`. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int flush(long call, int file) {
    const char *sign = getenv("LEDGER_FLUSHES_FAIL");
    if (sign && access(sign, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return syscall(call, file);
}

int fsync(int file) { return flush(SYS_fsync, file); }
int fdatasync(int file) { return flush(SYS_fdatasync, file); }
