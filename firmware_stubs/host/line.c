/* The controller as a process of this machine, with a pty for its serial line and a belt that exists only here.
 *
 *   line-controller [--port PATH] [--speed TICKS_PER_S] [--pitch TICKS]
 *
 * Prints "port /dev/pts/7", then a line for each output: "gate open 1234", "gate closed 1244", "alarm on 1234". Takes
 * lines on standard input: "tick N", "eye" (a part passes the photo-eye), "reset", "stall MS", "quit". --port makes a
 * symbolic link to the pty. With --speed the belt moves by itself, with --pitch a part comes every so many ticks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../core/controller.h"

static struct lc controller;
static struct lc_retained retained;
static int port;
static double speed;
static unsigned long pitch;

static uint64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint32_t now_us(void) {
    return (uint32_t)clock_us();
}

static void say(const char *output, const char *state) {
    printf("%s %s %lu\n", output, state, (unsigned long)controller.tick);
    fflush(stdout);
}

static void set_gate(void *context, int open) {
    static int before;
    (void)context;
    if (open != before) say("gate", open ? "open" : "closed");
    before = open;
    lc_feedback(&controller, open); /* a gate that obeys */
}

static void set_alarm(void *context, int on) {
    static int before;
    (void)context;
    if (on != before) say("alarm", on ? "on" : "off");
    before = on;
}

static void write_port(void *context, const uint8_t *bytes, size_t size) {
    (void)context;
    while (size) {
        ssize_t written = write(port, bytes, size);
        if (written <= 0) return; /* nobody reads: the line drops it, as a wire would */
        bytes += written;
        size -= (size_t)written;
    }
}

static void no_interrupts(void *context) {
    (void)context;
}

static void start(void) {
    static const struct lc_board board = {NULL, set_gate, set_alarm, write_port, no_interrupts, no_interrupts};
    lc_start(&controller, &board, &retained, now_us());
}

static void part(void) {
    lc_eye(&controller, 1, now_us());
    lc_eye(&controller, 0, now_us());
}

static void tick(unsigned long count) {
    while (count--) {
        lc_encoder(&controller);
        if (pitch && controller.tick % pitch == 0) part();
    }
}

static void stall(unsigned long ms) {
    struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Returns 0 when it is time to end. */
static int obey(const char *line) {
    if (!strncmp(line, "tick", 4)) tick(strtoul(line + 4, NULL, 10));
    if (!strncmp(line, "eye", 3)) part();
    if (!strncmp(line, "reset", 5)) start();
    if (!strncmp(line, "stall", 5)) stall(strtoul(line + 5, NULL, 10));
    return strncmp(line, "quit", 4) != 0;
}

static int obey_input(void) {
    static char line[64];
    static size_t length;
    char bytes[256];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count <= 0) return 0;
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (length < sizeof line - 1) line[length++] = bytes[i];
            continue;
        }
        line[length] = 0;
        length = 0;
        if (!obey(line)) return 0;
    }
    return 1;
}

static void read_port(void) {
    uint8_t bytes[512];
    ssize_t count = read(port, bytes, sizeof bytes);
    for (ssize_t i = 0; i < count; i++) lc_receive(&controller, bytes[i], now_us());
}

static void move_belt(void) {
    static uint64_t since;
    static double owed;
    uint64_t now = clock_us();
    if (since) owed += (double)(now - since) * speed / 1e6;
    since = now;
    tick((unsigned long)owed);
    owed -= (double)(unsigned long)owed;
}

static int open_port(const char *link) {
    struct termios raw;
    port = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (port < 0 || grantpt(port) || unlockpt(port)) return 0;
    const char *name = ptsname(port);
    int keep = open(name, O_RDWR | O_NOCTTY); /* kept open, so that the other end may come and go */
    if (keep < 0 || tcgetattr(keep, &raw)) return 0;
    cfmakeraw(&raw);
    if (tcsetattr(keep, TCSANOW, &raw)) return 0;
    if (link) unlink(link);
    if (link && symlink(name, link)) return 0;
    printf("port %s\n", name);
    fflush(stdout);
    return 1;
}

int main(int count, char **arguments) {
    const char *link = NULL;
    for (int i = 1; i + 1 < count; i += 2) {
        if (!strcmp(arguments[i], "--port")) link = arguments[i + 1];
        if (!strcmp(arguments[i], "--speed")) speed = strtod(arguments[i + 1], NULL);
        if (!strcmp(arguments[i], "--pitch")) pitch = strtoul(arguments[i + 1], NULL, 10);
    }
    if (!open_port(link)) {
        perror("line-controller: no pty");
        return 1;
    }
    start();
    for (;;) {
        struct pollfd ready[] = {{port, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        poll(ready, 2, speed > 0 ? 1 : 5);
        if (ready[1].revents && !obey_input()) break;
        if (ready[0].revents & POLLIN) read_port();
        if (speed > 0) move_belt();
        lc_poll(&controller, now_us());
    }
    if (link) unlink(link);
    return 0;
}
