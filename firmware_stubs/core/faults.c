/* What may be wrong with gate, photo-eye and encoder. */
#include "controller.h"

enum { TEST_US = 50000 };

static void watch_encoder(struct lc *lc, uint32_t now_us) {
    uint32_t silence_us = lc->config.silence_ms * 1000u;
    if (lc->ticked || !lc->gate_open || lc->testing) {
        lc->gate_tick_us = now_us;
        if (lc->ticked) lc_event_fault(lc, LC_FAULT_encoder_silent, LC_FLAG_encoder_silent, 0);
        lc->ticked = 0;
    } else if (silence_us && now_us - lc->gate_tick_us > silence_us) {
        lc_gate_close(lc); /* or the air would blow until the belt moves again */
        lc_event_fault(lc, LC_FAULT_encoder_silent, LC_FLAG_encoder_silent, 1);
    }
}

/* A test ends by time: the belt may stand still. */
static void watch_test(struct lc *lc, uint32_t now_us) {
    if (lc->gate_open && lc->testing && now_us - lc->test_us > TEST_US) lc_gate_close(lc);
}

static void watch_eye(struct lc *lc) {
    int blocked = lc->eye && lc->config.eye_blocked && lc->tick - lc->eye_tick > lc->config.eye_blocked;
    lc_event_fault(lc, LC_FAULT_eye_blocked, LC_FLAG_eye_blocked, blocked);
}

static void watch_gate(struct lc *lc, uint32_t now_us) {
    if (!lc->config.feedback_ms || lc->feedback == lc->gate_open) {
        lc->feedback_us = now_us;
        lc_event_fault(lc, LC_FAULT_gate_stuck, LC_FLAG_gate_stuck, 0);
    } else if (now_us - lc->feedback_us > lc->config.feedback_ms * 1000u) {
        lc_event_fault(lc, LC_FAULT_gate_stuck, LC_FLAG_gate_stuck, 1);
    }
}

void lc_watch(struct lc *lc, uint32_t now_us) {
    lc->board.lock(lc->board.context);
    watch_test(lc, now_us);
    watch_encoder(lc, now_us);
    watch_eye(lc);
    watch_gate(lc, now_us);
    lc->board.unlock(lc->board.context);
}

void lc_feedback(struct lc *lc, int open) {
    lc->feedback = (uint8_t)(open != 0);
}
