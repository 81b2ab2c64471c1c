/* Preloaded into a process: before the n-th call that changes the disk below a folder, something happens. Which, and
 * where, the process says itself with cut_at(): it may fork, and let each child be cut somewhere else.
 *
 * mode 'k': killed. 'p': the file system is shut down (EXT4_IOC_SHUTDOWN, without its journal), then killed. 'f': this
 * and all later calls that need room find the disk full. 'e': this and all later calls fail, as on a dying disk.
 * 'o': this one call fails, and no other. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define SHUTDOWN 0x8004587DuL /* on XFS, too */
#define NO_LOG_FLUSH 2u

static char root[PATH_MAX];
static int mode, at, calls;

void cut_at(const char *folder, int what, int number) {
  snprintf(root, sizeof root, "%s", folder);
  mode = what, at = number, calls = 0;
}

int cut_calls(void) { return calls; }

static void end(void) {
  if (mode == 'p') {
    unsigned how = NO_LOG_FLUSH;
    int disk = REAL(open)(root, O_RDONLY);
    if (disk < 0 || ioctl(disk, SHUTDOWN, &how) != 0) abort();
  }
  kill(getpid(), SIGKILL);
  pause();
}

/* Whether the call is to fail, errno being set. */
static int fails(const char *path, int needs_room) {
  if (!root[0] || strncmp(path, root, strlen(root)) != 0) return 0;
  int number = ++calls;
  if (number < at) return 0;
  if (number == at && (mode == 'k' || mode == 'p')) end();
  if (mode == 'f' && needs_room) return errno = ENOSPC, 1;
  if (mode == 'e' || (mode == 'o' && number == at)) return errno = EIO, 1;
  return 0;
}

static int fails_fd(int fd, int needs_room) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return fails(path, needs_room);
}

#define CHANGES_FD(type, name, args, given, room)  \
  type name args {                                 \
    if (fails_fd(fd, room)) return -1;             \
    return REAL(name) given;                       \
  }
#define CHANGES_PATH(name, args, given, room)      \
  int name args {                                  \
    if (fails(path, room)) return -1;              \
    return REAL(name) given;                       \
  }

CHANGES_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), 1)
CHANGES_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset), 1)
CHANGES_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t offset), (fd, data, size, offset), 1)
CHANGES_FD(int, fsync, (int fd), (fd), 0)
CHANGES_FD(int, fdatasync, (int fd), (fd), 0)
CHANGES_FD(int, ftruncate, (int fd, off_t size), (fd, size), 0)
CHANGES_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), 0)
CHANGES_FD(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), 0)
CHANGES_PATH(chown, (const char *path, uid_t user, gid_t group), (path, user, group), 0)
CHANGES_PATH(unlink, (const char *path), (path), 0)
CHANGES_PATH(mkdir, (const char *path, mode_t bits), (path, bits), 1)

int rename(const char *path, const char *to) {
  if (fails(to, 0)) return -1;
  return REAL(rename)(path, to);
}

#define OPENS(name)                                                  \
  int name(const char *path, int flags, ...) {                       \
    mode_t bits = 0;                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                             \
      va_list more;                                                  \
      va_start(more, flags), bits = va_arg(more, mode_t), va_end(more); \
      if (access(path, F_OK) != 0 && fails(path, 1)) return -1;      \
    }                                                                \
    return REAL(name)(path, flags, bits);                            \
  }
OPENS(open)
OPENS(open64)
