/* A V4L2 camera in user space, for machines that have none and cannot load a kernel module.
 *
 * Preloaded (LD_PRELOAD), it turns the files in the folder $FAKE_V4L2 into cameras: open, ioctl and mmap on them
 * are answered here, everything else goes to the kernel. The descriptor is a timer that becomes readable at the
 * frame rate, so select and poll work by themselves. The file's name says how the camera behaves:
 *
 *   good        YUYV, solid red, 640x480 or 320x240, 30 or 15 frames per second; stamps lie 20 ms back
 *   frozen      stops after five frames            gone       is unplugged after five frames
 *   silent      never delivers                     busy       another program streams from it
 *   forbidden   may not be opened                  metadata   a node that takes no pictures
 *   wallclock   stamps from the wall clock         damaged    MJPG, every third picture is cut short
 *   plug        MJPG; unplugged while its file is away, in the middle of a picture
 *
 * damaged and plug take their JPEG from the file $FAKE_V4L2_JPEG.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CAMERAS = 64, BUFFERS = 8, SPACE = 1 << 20, FEW = 5 };

static struct camera {
    int fd, memory, streaming, dead;
    char kind[32];
    unsigned width, height, format, rate, frames;
    unsigned queue[BUFFERS], queued;
    char *pixels;
} cameras[CAMERAS];

static int fail(int code) { errno = code; return -1; }
static int is(struct camera *c, const char *kind) { return !strcmp(c->kind, kind); }

static struct camera *find(int fd)
{
    for (struct camera *c = cameras; fd > 0 && c < cameras + CAMERAS; c++)
        if (c->fd == fd)
            return c;
    return NULL;
}

static int is_unplugged(struct camera *c)
{
    char path[4096] = "";
    strncat(strcat(strncat(path, getenv("FAKE_V4L2"), 4000), "/"), c->kind, 32);
    return is(c, "plug") && access(path, F_OK);
}

static int open_camera(const char *kind)
{
    struct camera *c = cameras;
    while (c->fd)
        if (++c == cameras + CAMERAS)
            return fail(EMFILE);
    memset(c, 0, sizeof *c);
    strncpy(c->kind, kind, sizeof c->kind - 1);
    if (is(c, "forbidden"))
        return fail(EACCES);
    if (is_unplugged(c))
        return fail(ENOENT);
    c->width = 640, c->height = 480, c->rate = 30;
    c->format = is(c, "damaged") || is(c, "plug") ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    c->memory = memfd_create("fake_v4l2", 0);
    if (c->memory < 0 || ftruncate(c->memory, BUFFERS * SPACE))
        return -1;
    c->pixels = mmap(NULL, BUFFERS * SPACE, PROT_READ | PROT_WRITE, MAP_SHARED, c->memory, 0);
    return c->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

static int run(struct camera *c, int on)
{
    long period = on && !is(c, "silent") ? 1000000000L / c->rate : 0;
    struct itimerspec timer = {{0, period}, {0, period}};
    c->streaming = on;
    return timerfd_settime(c->fd, 0, &timer, NULL);
}

static unsigned draw(struct camera *c, unsigned char *to)
{
    if (c->format == V4L2_PIX_FMT_MJPEG) {
        int file = open(getenv("FAKE_V4L2_JPEG"), O_RDONLY);
        unsigned size = read(file, to, SPACE);
        close(file);
        return is(c, "damaged") && c->frames % 3 == 0 || is_unplugged(c) ? size / 2 : size;
    }
    static const unsigned char red[] = {81, 90, 81, 240}; /* Y U Y V, ITU-R BT.601 */
    for (unsigned i = 0; i < c->width * c->height * 2; i++)
        to[i] = red[i % 4];
    return c->width * c->height * 2;
}

static int dequeue(struct camera *c, struct v4l2_buffer *buffer)
{
    unsigned long ticks;
    if (is(c, "gone") && c->frames >= FEW || c->dead)
        return fail(ENODEV);
    if (!c->queued || read(c->fd, &ticks, sizeof ticks) != sizeof ticks)
        return fail(EAGAIN);
    struct timespec t;
    clock_gettime(is(c, "wallclock") ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
    long us = t.tv_sec * 1000000L + t.tv_nsec / 1000 - 20000;
    buffer->index = c->queue[0];
    memmove(c->queue, c->queue + 1, --c->queued * sizeof *c->queue);
    c->frames++;
    buffer->bytesused = draw(c, (unsigned char *)c->pixels + buffer->index * SPACE);
    buffer->length = SPACE;
    c->dead = is_unplugged(c);
    buffer->timestamp.tv_sec = us / 1000000, buffer->timestamp.tv_usec = us % 1000000;
    if (is(c, "frozen") && c->frames >= FEW)
        run(c, 0);
    return 0;
}

static int set_format(struct camera *c, struct v4l2_format *f, int set)
{
    if (set && is(c, "busy"))
        return fail(EBUSY);
    if (set) {
        int small = f->fmt.pix.width <= 320;
        c->width = small ? 320 : 640, c->height = small ? 240 : 480;
    }
    f->fmt.pix.width = c->width, f->fmt.pix.height = c->height;
    f->fmt.pix.pixelformat = c->format;
    f->fmt.pix.bytesperline = c->width * 2, f->fmt.pix.sizeimage = c->width * c->height * 2;
    return 0;
}

static int rate(struct camera *c, struct v4l2_streamparm *parm, int set)
{
    struct v4l2_fract *period = &parm->parm.capture.timeperframe;
    if (set)
        c->rate = period->denominator <= 15 * period->numerator ? 15 : 30;
    period->numerator = 1, period->denominator = c->rate;
    return 0;
}

static int capability(struct camera *c, struct v4l2_capability *reply)
{
    memset(reply, 0, sizeof *reply);
    strcpy((char *)reply->driver, "fake");
    reply->device_caps = V4L2_CAP_STREAMING;
    reply->device_caps |= is(c, "metadata") ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE;
    reply->capabilities = reply->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int control(struct camera *c, unsigned long request, void *argument)
{
    struct v4l2_buffer *buffer = argument;
    switch (request) {
    case VIDIOC_QUERYCAP: return capability(c, argument);
    case VIDIOC_G_FMT: return set_format(c, argument, 0);
    case VIDIOC_S_FMT: return set_format(c, argument, 1);
    case VIDIOC_G_PARM: return rate(c, argument, 0);
    case VIDIOC_S_PARM: return rate(c, argument, 1);
    case VIDIOC_STREAMON: return run(c, 1);
    case VIDIOC_STREAMOFF: c->queued = 0; return run(c, 0);
    case VIDIOC_DQBUF: return dequeue(c, argument);
    case VIDIOC_QUERYBUF: buffer->length = SPACE, buffer->m.offset = buffer->index * SPACE; return 0;
    case VIDIOC_QBUF: c->queue[c->queued++] = buffer->index; return 0;
    case VIDIOC_REQBUFS: return is(c, "busy") ? fail(EBUSY) : 0;
    default: return fail(ENOTTY);
    }
}

static int open_any(const char *path, int flags, int mode)
{
    const char *folder = getenv("FAKE_V4L2"), *slash = strrchr(path, '/');
    if (folder && slash && strlen(folder) == (size_t)(slash - path) && !strncmp(folder, path, slash - path))
        return open_camera(slash + 1);
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    return open_any(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    struct camera *c = find(fd);
    return c ? control(c, (unsigned)request, argument) : syscall(SYS_ioctl, fd, request, argument);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    struct camera *c = flags & MAP_ANONYMOUS ? NULL : find(fd);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, c ? c->memory : fd, offset);
}

int close(int fd)
{
    struct camera *c = find(fd);
    if (c) {
        munmap(c->pixels, BUFFERS * SPACE);
        syscall(SYS_close, c->memory);
        c->fd = 0;
    }
    return syscall(SYS_close, fd);
}
