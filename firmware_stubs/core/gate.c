/* What the two interrupts do: see parts, count ticks, open and close the gate. */
#include "controller.h"

void lc_event(struct lc *lc, uint8_t type, const uint8_t *payload, size_t size) {
    lc_outbox_add(&lc->outbox, type, payload, (uint8_t)size);
}

void lc_event_fault(struct lc *lc, uint8_t kind, uint8_t flag, int active) {
    uint8_t payload[LC_MAX_PAYLOAD];
    if (!(lc->faults & flag) == !active) return;
    lc->faults = (uint8_t)(active ? lc->faults | flag : lc->faults & ~flag);
    struct lc_fault fault = {kind, (uint8_t)active, lc->tick};
    lc_event(lc, LC_fault, payload, lc_put_fault(payload, &fault));
}

void lc_gate_close(struct lc *lc) {
    lc->gate_open = 0;
    lc->board.gate(lc->board.context, 0);
}

void lc_gate_fire(struct lc *lc, uint32_t id) {
    uint8_t payload[LC_MAX_PAYLOAD];
    struct lc_fired fired = {id, lc->tick};
    lc->gate_until = lc->tick + lc->config.pulse;
    lc->gate_open = 1;
    lc->testing = id == LC_FIRE_TEST;
    lc->board.gate(lc->board.context, 1);
    lc->fired++;
    lc_event(lc, LC_fired, payload, lc_put_fired(payload, &fired));
}

static void report_late(struct lc *lc, const struct lc_part *part, uint8_t reason, uint8_t action) {
    uint8_t payload[LC_MAX_PAYLOAD];
    struct lc_late late = {part->id, part->due, reason, action};
    lc->late++;
    lc_event(lc, LC_late, payload, lc_put_late(payload, &late));
}

/* The part is at the gate. */
static void settle(struct lc *lc, const struct lc_part *part) {
    int reject = part->verdict == LC_BAD;
    if (part->verdict == LC_UNDECIDED) {
        reject = (lc->failsafe ? lc->config.failsafe : lc->config.late) == LC_ACTION_reject;
        report_late(lc, part, lc->failsafe ? LC_LATE_failsafe : LC_LATE_undecided, (uint8_t)reject);
    }
    if (reject)
        lc_gate_fire(lc, part->id);
    else
        lc->passed++;
}

void lc_encoder(struct lc *lc) {
    struct lc_part *part;
    lc->tick++;
    lc->ticked = 1;
    while ((part = lc_parts_first(&lc->parts)) && lc_reached(lc->tick, part->due)) {
        settle(lc, part);
        lc_parts_drop_first(&lc->parts);
    }
    /* Only now: the next part's pulse may follow without a gap. */
    if (lc->gate_open && lc_reached(lc->tick, lc->gate_until)) lc_gate_close(lc);
}

void lc_eye(struct lc *lc, int blocked, uint32_t now_us) {
    uint8_t payload[LC_MAX_PAYLOAD];
    lc->eye = (uint8_t)blocked;
    if (!blocked) return;
    if (lc->eye_seen && lc->tick - lc->eye_tick < lc->config.eye_gap) {
        /* A bounce, unless parts keep coming while the encoder stands still. */
        uint32_t silence_us = lc->config.silence_ms * 1000u;
        if (silence_us && lc->tick == lc->eye_tick && now_us - lc->eye_us > silence_us)
            lc_event_fault(lc, LC_FAULT_encoder_silent, LC_FLAG_encoder_silent, 1);
        return;
    }
    lc->eye_seen = 1;
    lc->eye_tick = lc->tick;
    lc->eye_us = now_us;
    if (!lc->configured) return;
    lc->triggers++;
    struct lc_trigger trigger = {lc_parts_add(&lc->parts, lc->tick + lc->config.distance), lc->tick, now_us};
    lc_event(lc, LC_trigger, payload, lc_put_trigger(payload, &trigger));
}

void lc_give_up_parts(struct lc *lc) {
    struct lc_part *part;
    while ((part = lc_parts_first(&lc->parts))) {
        report_late(lc, part, LC_LATE_reconfigured, LC_ACTION_pass);
        lc_parts_drop_first(&lc->parts);
    }
}
