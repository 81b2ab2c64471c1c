/* The main loop, the same on every board. */
#include "board.h"

#include "../../core/controller.h"

enum { BYTES = 512 }; /* a power of two: 40 ms of the line */

static struct lc controller;
static struct lc_retained retained __attribute__((section(".noinit")));
static volatile uint8_t bytes[BYTES];
static volatile uint32_t written, taken; /* one writer each */

static uint32_t now_us(void) {
    uint32_t before = keep_out(), now = board_now_us();
    let_in(before);
    return now;
}

void on_encoder(void) {
    lc_encoder(&controller);
}

void on_eye(int blocked) {
    lc_eye(&controller, blocked, board_now_us());
}

void on_byte(uint8_t byte) {
    if (written - taken < BYTES) bytes[written++ % BYTES] = byte;
}

static void gate(void *context, int open) {
    (void)context;
    board_gate(open);
}

static void alarm(void *context, int on) {
    (void)context;
    board_alarm(on);
}

static void send(void *context, const uint8_t *data, size_t size) {
    (void)context;
    board_send(data, size);
}

static uint32_t before_lock;

static void lock(void *context) {
    (void)context;
    before_lock = keep_out();
}

static void unlock(void *context) {
    (void)context;
    let_in(before_lock);
}

__attribute__((weak)) void board_alive(void) {
}

/* Sleeps until an interrupt, unless one has just brought something. It wakes also while they are kept out. */
static void rest(void) {
    uint32_t before = keep_out();
    if (written == taken) __asm volatile("wfi");
    let_in(before);
}

int main(void) {
    static const struct lc_board board = {NULL, gate, alarm, send, lock, unlock};
    uint32_t before = keep_out();
    board_start();
    lc_start(&controller, &board, &retained, board_now_us());
    let_in(before);
    for (;;) {
        while (written != taken) lc_receive(&controller, bytes[taken++ % BYTES], now_us());
        lc_feedback(&controller, board_feedback());
        lc_poll(&controller, now_us());
        board_alive();
        rest();
    }
}
