/* Records what a process does to one SQLite database: writes, truncations and syncs, in their order. Or fails some.
 *
 * Preloaded into the process under test. SHIM_DB is the database's path, SHIM_TRACE the file that is appended to.
 * A record is one byte of what (w write, t truncate, s sync), one of which file (0 database, 1 WAL), the offset and
 * the length as native 64-bit numbers, then the data of a write. The lock makes the record's place the call's place.
 *
 * SHIM_FAIL is a file of six native 64-bit numbers, shared with the test: which call fails (1 the next, 0 none), errno,
 * whether all after it fail too, which files (1 database, 2 WAL), which calls (1 write, 2 sync, 4 truncate), and how many
 * have failed. A write that fails has written half. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;

/* 0 the database, 1 its WAL, -1 anything else. */
static int which(int fd) {
    const char *db = getenv("SHIM_DB");
    char link[64], path[4096];
    if (fd < 3 || db == NULL) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return -1;
    path[n] = 0;
    size_t len = strlen(db);
    if (strncmp(path, db, len) != 0) return -1;
    if (path[len] == 0) return 0;
    return strcmp(path + len, "-wal") == 0 ? 1 : -1;
}

/* The error that this call is to fail with, or 0. */
static int fails(int file, int call) {
    static volatile int64_t *plan;
    const char *path = getenv("SHIM_FAIL");
    if (path == NULL) return 0;
    if (plan == NULL) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR);
        void *map = mmap(NULL, 6 * sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || map == MAP_FAILED) abort();
        plan = map;
    }
    if (plan[0] == 0 || !(plan[3] & (1 << file)) || !(plan[4] & call)) return 0;
    if (plan[0] > 1) {
        plan[0]--;
        return 0;
    }
    if (!plan[2]) plan[0] = 0;
    plan[5]++;
    return (int)plan[1];
}

static void record(char what, int file, int64_t offset, int64_t length, const void *data) {
    if (getenv("SHIM_TRACE") == NULL) return;
    char head[18];
    head[0] = what;
    head[1] = (char)file;
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &length, 8);
    if (trace < 0) trace = (int)syscall(SYS_openat, AT_FDCWD, getenv("SHIM_TRACE"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, data ? (size_t)length : 0}};
    ssize_t all = (ssize_t)(sizeof head + parts[1].iov_len);
    if (syscall(SYS_writev, trace, parts, 2) != all) abort();
}

#define REAL(type, name, ...)                            \
    static type (*real)(__VA_ARGS__);                    \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void written(int file, ssize_t n, int64_t offset, const void *data) {
    if (n > 0) record('w', file, offset, n, data);
}

ssize_t write(int fd, const void *data, size_t n) {
    REAL(ssize_t, "write", int, const void *, size_t);
    int file = which(fd);
    if (file < 0) return real(fd, data, n);
    pthread_mutex_lock(&lock);
    int64_t at = lseek(fd, 0, SEEK_CUR);
    int error = fails(file, 1);
    ssize_t done = real(fd, data, error ? n / 2 : n);
    written(file, done, at, data);
    pthread_mutex_unlock(&lock);
    if (error) errno = error;
    return error ? -1 : done;
}

#define PWRITE(name, off)                                                   \
    ssize_t name(int fd, const void *data, size_t n, off at) {              \
        REAL(ssize_t, #name, int, const void *, size_t, off);               \
        int file = which(fd);                                               \
        if (file < 0) return real(fd, data, n, at);                         \
        pthread_mutex_lock(&lock);                                          \
        int error = fails(file, 1);                                         \
        ssize_t done = real(fd, data, error ? n / 2 : n, at);               \
        written(file, done, at, data);                                      \
        pthread_mutex_unlock(&lock);                                        \
        if (error) errno = error;                                           \
        return error ? -1 : done;                                           \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, off)                                                 \
    int name(int fd, off length) {                                          \
        REAL(int, #name, int, off);                                         \
        int file = which(fd);                                               \
        if (file < 0) return real(fd, length);                              \
        pthread_mutex_lock(&lock);                                          \
        int error = fails(file, 4);                                         \
        int done = error ? -1 : real(fd, length);                           \
        if (done == 0) record('t', file, length, 0, NULL);                  \
        pthread_mutex_unlock(&lock);                                        \
        if (error) errno = error;                                           \
        return done;                                                        \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                          \
    int name(int fd) {                                                      \
        REAL(int, #name, int);                                              \
        int file = which(fd);                                               \
        if (file < 0) return real(fd);                                      \
        pthread_mutex_lock(&lock);                                          \
        int error = fails(file, 2);                                         \
        int done = error ? -1 : real(fd);                                   \
        if (done == 0) record('s', file, 0, 0, NULL);                       \
        pthread_mutex_unlock(&lock);                                        \
        if (error) errno = error;                                           \
        return done;                                                        \
    }
SYNC(fsync)
SYNC(fdatasync)
