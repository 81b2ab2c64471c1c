/* The main loop's side: bytes in, events out, heartbeats, faults. */
#include "controller.h"

#include <string.h>

enum { RESEND_US = 50000, BEAT_LOST_US = 500000, STATUS_US = 100000, SENT_AT_ONCE = 4 };

static void send(struct lc *lc, uint8_t type, uint8_t seq, const uint8_t *payload, size_t size) {
    uint8_t bytes[LC_MAX_FRAME];
    lc->board.write(lc->board.context, bytes, lc_frame_encode(bytes, type, seq, payload, size));
}

void lc_start(struct lc *lc, const struct lc_board *board, struct lc_retained *retained, uint32_t now_us) {
    memset(lc, 0, sizeof *lc);
    lc->board = *board;
    lc->retained = retained;
    lc->configured = (uint8_t)lc_recall(retained);
    lc->config = retained->config;
    lc->heard_us = lc->hello_us = lc->uptime_us = lc->feedback_us = now_us;
    lc->failsafe = 1; /* until a Raspberry Pi says hello */
    lc->alarm = 1;
    lc->board.gate(lc->board.context, 0);
    lc->board.alarm(lc->board.context, 1);
    lc_send_status(lc, 0, now_us);
}

void lc_receive(struct lc *lc, uint8_t byte, uint32_t now_us) {
    struct lc_frame frame;
    if (lc_frame_decode(&lc->decoder, byte, &frame)) lc_handle(lc, &frame, now_us);
}

uint8_t lc_flags(const struct lc *lc) {
    return (uint8_t)(lc->faults | (lc->failsafe ? LC_FLAG_failsafe : 0) | (lc->gate_open ? LC_FLAG_gate_open : 0) |
                     (lc->configured ? LC_FLAG_configured : 0));
}

void lc_send_status(struct lc *lc, uint8_t seq, uint32_t now_us) {
    uint8_t payload[LC_MAX_PAYLOAD];
    struct lc_status status = {
        .protocol = LC_PROTOCOL,
        .firmware = LC_FIRMWARE,
        .session = lc->session,
        .boots = lc->retained->boots,
        .uptime_ms = lc->uptime_ms,
        .time_us = now_us,
        .tick = lc->tick,
        .queue = lc->parts.count,
        .flags = lc_flags(lc),
        .next_event = lc->outbox.base,
        .triggers = lc->triggers,
        .fired = lc->fired,
        .passed = lc->passed,
        .late = lc->late,
        .untracked = lc->parts.untracked,
        .lost_events = lc->outbox.lost,
        .bad_frames = lc->decoder.bad,
    };
    send(lc, LC_status, seq, payload, lc_put_status(payload, &status));
}

static void send_events(struct lc *lc, uint32_t now_us) {
    for (int left = SENT_AT_ONCE; left; left--) {
        struct lc_event event;
        uint8_t number;
        lc->board.lock(lc->board.context);
        const struct lc_event *next = lc_outbox_send(&lc->outbox, &number);
        if (next) event = *next;
        lc->board.unlock(lc->board.context);
        if (!next) return;
        if (number == lc->outbox.base) lc->resent_us = now_us;
        send(lc, event.type, number, event.payload, event.size);
    }
}

static void watch_link(struct lc *lc, uint32_t now_us) {
    if (lc->session == 0 && now_us - lc->hello_us >= STATUS_US) {
        lc->hello_us = now_us;
        lc_send_status(lc, 0, now_us);
    }
    if (!lc->failsafe && now_us - lc->heard_us > BEAT_LOST_US) lc->failsafe = 1;
    uint8_t alarm = lc->failsafe || lc->faults;
    if (alarm != lc->alarm) lc->board.alarm(lc->board.context, alarm);
    lc->alarm = alarm;
}

static void count_uptime(struct lc *lc, uint32_t now_us) {
    uint32_t passed_ms = (now_us - lc->uptime_us) / 1000;
    lc->uptime_ms += passed_ms;
    lc->uptime_us += passed_ms * 1000;
}

void lc_poll(struct lc *lc, uint32_t now_us) {
    count_uptime(lc, now_us);
    lc_watch(lc, now_us);
    watch_link(lc, now_us);
    if (lc->session == 0) return;
    if (lc_outbox_waiting(&lc->outbox) && now_us - lc->resent_us > RESEND_US) lc_outbox_again(&lc->outbox);
    send_events(lc, now_us);
}
