/* The line controller without any hardware: what a board calls, and what it must give.
 *
 * Interrupts of one priority call lc_encoder and lc_eye; the main loop calls the rest. Nothing is allocated; nothing
 * blocks but `write`, which only the main loop uses. */
#ifndef LC_CONTROLLER_H
#define LC_CONTROLLER_H

#include "frame.h"
#include "messages.h"
#include "outbox.h"
#include "parts.h"

/* What the board gives. `context` is passed on to each function. */
struct lc_board {
    void *context;
    void (*gate)(void *context, int open);
    void (*alarm)(void *context, int on);
    void (*write)(void *context, const uint8_t *bytes, size_t size);
    void (*lock)(void *context);   /* keeps both interrupts out */
    void (*unlock)(void *context);
};

/* Memory that a reset leaves as it is (section .noinit): how the line is set, and how often it started. */
struct lc_retained {
    uint32_t mark;
    uint32_t boots;
    struct lc_config config;
    uint32_t configured;
    uint16_t crc;
};

struct lc {
    struct lc_board board;
    struct lc_retained *retained;
    struct lc_config config;
    struct lc_decoder decoder;
    struct lc_parts parts;
    struct lc_outbox outbox;

    volatile uint32_t tick;
    uint32_t gate_until;     /* tick */
    uint32_t gate_tick_us;   /* time of the last tick while the gate is open */
    uint32_t eye_tick, eye_us; /* of the last edge that counted */
    uint32_t triggers, fired, passed, late;
    volatile uint8_t gate_open, failsafe, ticked, eye, feedback, configured;
    uint8_t faults; /* LC_FLAG_* of those that are active */
    uint8_t eye_seen, alarm, testing;

    uint32_t session;
    uint32_t heard_us, hello_us, resent_us, feedback_us, test_us;
    uint32_t uptime_ms, uptime_us; /* whole milliseconds, and the time they were counted to */
};

/* Everything at rest. `retained` may hold anything: it is used when its CRC is right. */
void lc_start(struct lc *lc, const struct lc_board *board, struct lc_retained *retained, uint32_t now_us);

/* From the encoder's interrupt: the belt moved on by one tick. The gate opens and closes in here. */
void lc_encoder(struct lc *lc);

/* From the photo-eye's interrupt, at both edges. */
void lc_eye(struct lc *lc, int blocked, uint32_t now_us);

/* The gate's feedback input, whenever it was read. */
void lc_feedback(struct lc *lc, int open);

/* From the main loop: a byte came in. */
void lc_receive(struct lc *lc, uint8_t byte, uint32_t now_us);

/* From the main loop, at least every 10 ms and after each interrupt. */
void lc_poll(struct lc *lc, uint32_t now_us);

/* --- Between the core's own files. Those that add events are called with both interrupts kept out. --- */

void lc_event_fault(struct lc *lc, uint8_t kind, uint8_t flag, int active);
void lc_event(struct lc *lc, uint8_t type, const uint8_t *payload, size_t size);
void lc_gate_close(struct lc *lc);
void lc_gate_fire(struct lc *lc, uint32_t id);
void lc_give_up_parts(struct lc *lc);
void lc_watch(struct lc *lc, uint32_t now_us);
void lc_handle(struct lc *lc, const struct lc_frame *frame, uint32_t now_us);
void lc_send_status(struct lc *lc, uint8_t seq, uint32_t now_us);
uint8_t lc_flags(const struct lc *lc);
void lc_retain(struct lc *lc);
int lc_recall(struct lc_retained *retained);

#endif
