/* Preloaded into a process: everything it writes below $WRITE_LOG_ROOT, and every fsync, goes to $WRITE_LOG as well, in
 * order. A cut of the power is then any prefix of the log, without what no fsync had confirmed.
 *
 * One entry: kind (1 byte: 'c'reate, 'w'rite, 's'ync, 't'runcate, 'u'nlink, 'r'ename), length of the name (2), offset
 * (8), length of the data (4), name, data (of a rename: the new name); numbers as this machine has them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static void put(const void *data, size_t size) {
  if (REAL(write)(log_fd, data, size) != (ssize_t)size) abort();
}

static void note(char kind, const char *path, uint64_t offset, const void *data, uint32_t size) {
  const char *root = getenv("WRITE_LOG_ROOT");
  if (!root || strncmp(path, root, strlen(root)) != 0 || strstr(path, "-shm")) return;
  const char *name = path[strlen(root)] ? path + strlen(root) + 1 : "."; /* the folder itself, for an fsync */
  uint16_t length = strlen(name);
  pthread_mutex_lock(&lock);
  if (log_fd < 0) log_fd = REAL(open)(getenv("WRITE_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
  put(&kind, 1), put(&length, 2), put(&offset, 8), put(&size, 4), put(name, length), put(data, size);
  pthread_mutex_unlock(&lock);
}

static void note_fd(char kind, int fd, uint64_t offset, const void *data, uint32_t size) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = 0;
  note(kind, path, offset, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  ssize_t done = REAL(pwrite64)(fd, data, size, offset);
  if (done > 0) note_fd('w', fd, offset, data, done);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  ssize_t done = REAL(pwrite)(fd, data, size, offset);
  if (done > 0) note_fd('w', fd, offset, data, done);
  return done;
}

ssize_t write(int fd, const void *data, size_t size) {
  off64_t offset = lseek64(fd, 0, SEEK_CUR);
  ssize_t done = REAL(write)(fd, data, size);
  if (done > 0 && offset >= 0) note_fd('w', fd, offset, data, done);
  return done;
}

int fsync(int fd) {
  int done = REAL(fsync)(fd);
  if (done == 0) note_fd('s', fd, 0, 0, 0);
  return done;
}

int fdatasync(int fd) {
  int done = REAL(fdatasync)(fd);
  if (done == 0) note_fd('s', fd, 0, 0, 0);
  return done;
}

int ftruncate64(int fd, off64_t size) {
  int done = REAL(ftruncate64)(fd, size);
  if (done == 0) note_fd('t', fd, size, 0, 0);
  return done;
}

int ftruncate(int fd, off_t size) {
  int done = REAL(ftruncate)(fd, size);
  if (done == 0) note_fd('t', fd, size, 0, 0);
  return done;
}

int rename(const char *path, const char *to) {
  const char *root = getenv("WRITE_LOG_ROOT");
  int done = REAL(rename)(path, to);
  if (done == 0 && root && strncmp(to, root, strlen(root)) == 0)
    note('r', path, 0, to + strlen(root) + 1, strlen(to + strlen(root) + 1));
  return done;
}

/* A file of this name is another one than that which had the name before. */
#define OPENS(name)                                                        \
  int name(const char *path, int flags, ...) {                             \
    va_list more;                                                          \
    va_start(more, flags);                                                 \
    mode_t bits = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                          \
    int is_new = flags & O_CREAT && access(path, F_OK) != 0;               \
    int done = REAL(name)(path, flags, bits);                              \
    if (done >= 0 && is_new) note('c', path, 0, 0, 0);                     \
    return done;                                                           \
  }
OPENS(open)
OPENS(open64)

int unlink(const char *path) {
  int done = REAL(unlink)(path);
  if (done == 0) note('u', path, 0, 0, 0);
  return done;
}
