/*
 * A bad disk for one process: loaded in front of libc (LD_PRELOAD), it stands between a program and its
 * writes, syncs and opens of files below BAD_DISK_DIRECTORY, and does what the shared page in the file
 * BAD_DISK_CONTROL says. bad-disk.ts lays out the same page.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MODE_FAIL = 1, MODE_LIE = 2, MODE_HOLD = 4 };
enum { CALL_DURABLE_WRITE = 1, CALL_WRITE = 2, CALL_SYNC = 4 };
enum { HOW_BEFORE = 0, HOW_AFTER = 1, HOW_SHORT = 2 };

struct control {
  volatile uint32_t modes;     /* MODE_ bits */
  volatile uint32_t calls;     /* CALL_ bits: what MODE_FAIL looks at */
  volatile int32_t countdown;  /* the call that takes it to 0 fails */
  volatile int32_t error;      /* errno of the failure */
  volatile uint32_t how;       /* HOW_ */
  volatile uint32_t fired;     /* calls that failed */
  volatile uint32_t held;      /* calls that are being held */
  volatile uint32_t lied;      /* syncs that were promised and not done */
  volatile char what[224];     /* the call that failed, and its file */
};

static struct control *control;
static const char *directory;
static size_t directory_length;

static int (*real_open64)(const char *, int, ...);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static ssize_t (*real_pwritev64)(int, const struct iovec *, int, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void prepare(void) {
  real_open64 = dlsym(RTLD_NEXT, "open64");
  real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
  real_pwritev64 = dlsym(RTLD_NEXT, "pwritev64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  directory = getenv("BAD_DISK_DIRECTORY");
  const char *path = getenv("BAD_DISK_CONTROL");
  if (directory == NULL || path == NULL) return;
  directory_length = strlen(directory);
  int file = real_open64(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) control = page;
}

/* The path of an open file when it lies below the directory, else an empty string. */
static void path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  path[length < 0 ? 0 : length] = 0;
  if (strncmp(path, directory, directory_length) != 0) path[0] = 0;
}

static int concerns(int fd, char *path, size_t size) {
  if (control == NULL || control->modes == 0) return 0;
  int saved = errno;
  path_of(fd, path, size);
  errno = saved;
  return path[0] != 0;
}

static int is_durable(int fd) { return (fcntl(fd, F_GETFL) & O_DSYNC) != 0; }

/* A durable write of a segment is a commit. One of a file that is being prepared is a write like any other. */
static uint32_t kind_of(int fd, const char *path) {
  static const char ending[] = ".segment";
  size_t length = strlen(path);
  int is_segment = length >= sizeof ending - 1 && strcmp(path + length - (sizeof ending - 1), ending) == 0;
  return is_segment && is_durable(fd) ? CALL_DURABLE_WRITE : CALL_WRITE;
}

/* Whether this call is the one that fails. */
static int fires(uint32_t call, const char *name, const char *path) {
  if ((control->modes & MODE_FAIL) == 0 || (control->calls & call) == 0) return 0;
  if (__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) != 0) return 0;
  snprintf((char *)control->what, sizeof control->what, "%s%s %s", name,
           control->how == HOW_SHORT ? " (short)" : control->how == HOW_AFTER ? " (done, then failed)" : "", path);
  __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
  return 1;
}

static void hold(void) {
  __atomic_add_fetch(&control->held, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

static ssize_t write_at(int fd, const struct iovec *parts, int count, off64_t at, const char *name) {
  char path[512];
  if (!concerns(fd, path, sizeof path)) return real_pwritev64(fd, parts, count, at);
  int durable = is_durable(fd);
  if (fires(kind_of(fd, path), name, path)) {
    if (control->how == HOW_SHORT) {
      /* Half of the first part, which is a legal answer and no error. */
      size_t half = parts[0].iov_len / 2;
      return real_pwrite64(fd, parts[0].iov_base, half == 0 ? parts[0].iov_len : half, at);
    }
    if (control->how == HOW_AFTER) real_pwritev64(fd, parts, count, at);
    errno = control->error;
    return -1;
  }
  if (durable && (control->modes & MODE_HOLD) != 0) {
    /* What O_DSYNC does in one step, up to the moment before the flush: the drive has it in its cache. */
    int flags = fcntl(fd, F_GETFL);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int plain = real_open64(link, (flags & O_ACCMODE) | O_CLOEXEC);
    if (plain >= 0) {
      real_pwritev64(plain, parts, count, at);
      sync_file_range(plain, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    }
    hold();
  }
  return real_pwritev64(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return write_at(fd, parts, count, at, "pwritev");
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  struct iovec part = {(void *)bytes, length};
  return write_at(fd, &part, 1, at, "pwrite");
}

/* At the place of the descriptor; nothing that this stands in front of is known to write so, and it must not go unseen. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
  char path[512];
  if (concerns(fd, path, sizeof path) && fires(kind_of(fd, path), "writev", path)) {
    errno = control->error;
    return -1;
  }
  return real_writev(fd, parts, count);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  char path[512];
  if (concerns(fd, path, sizeof path) && fires(kind_of(fd, path), "write", path)) {
    errno = control->error;
    return -1;
  }
  return real_write(fd, bytes, length);
}

static int sync_file(int fd, int (*real)(int), const char *name) {
  char path[512];
  if (!concerns(fd, path, sizeof path)) return real(fd);
  if (control->modes & MODE_LIE) {
    __atomic_add_fetch(&control->lied, 1, __ATOMIC_SEQ_CST);
    return 0;
  }
  /* It would carry down what is being held. */
  if ((control->modes & MODE_HOLD) != 0) hold();
  if (fires(CALL_SYNC, name, path)) {
    errno = control->error;
    return -1;
  }
  return real(fd);
}

int fsync(int fd) { return sync_file(fd, real_fsync, "fsync"); }
int fdatasync(int fd) { return sync_file(fd, real_fdatasync, "fdatasync"); }

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (control != NULL && (control->modes & MODE_LIE) != 0 && (flags & O_DSYNC) != 0 &&
      strncmp(path, directory, directory_length) == 0) {
    __atomic_add_fetch(&control->lied, 1, __ATOMIC_SEQ_CST);
    flags &= ~O_SYNC; /* contains O_DSYNC */
  }
  return real_open64(path, flags, mode);
}
