/* What the Raspberry Pi may ask for, and the answers. */
#include <string.h>

#include "controller.h"

enum { AGAIN_US = 2000 };

static void answer(struct lc *lc, const struct lc_frame *frame, uint8_t reason, uint32_t part) {
    uint8_t bytes[LC_MAX_FRAME], payload[LC_MAX_PAYLOAD];
    struct lc_ack ack = {frame->type, part};
    struct lc_nak nak = {frame->type, reason, part};
    size_t size = reason ? lc_put_nak(payload, &nak) : lc_put_ack(payload, &ack);
    uint8_t type = reason ? LC_nak : LC_ack;
    lc->board.write(lc->board.context, bytes, lc_frame_encode(bytes, type, frame->seq, payload, size));
}

static void hello(struct lc *lc, const struct lc_frame *frame, uint32_t now_us) {
    struct lc_hello hello;
    if (!lc_get_hello(&hello, frame->payload, frame->size)) {
        answer(lc, frame, LC_NAK_malformed, 0);
    } else if (hello.protocol != LC_PROTOCOL || hello.session == 0) {
        answer(lc, frame, LC_NAK_protocol, 0);
    } else {
        lc->board.lock(lc->board.context);
        if (hello.session != lc->session) lc_outbox_again(&lc->outbox);
        lc->session = hello.session;
        lc->board.unlock(lc->board.context);
        lc_send_status(lc, frame->seq, now_us);
    }
}

static uint8_t configure(struct lc *lc, const struct lc_frame *frame) {
    struct lc_config config;
    if (!lc_get_config(&config, frame->payload, frame->size)) return LC_NAK_malformed;
    if (config.session != lc->session) return LC_NAK_session;
    if (!config.distance || config.distance > INT32_MAX / 2 || !config.pulse) return LC_NAK_malformed;
    lc->board.lock(lc->board.context);
    /* Parts of two distances would not reach the gate in order. */
    if (lc->configured && config.distance != lc->config.distance) lc_give_up_parts(lc);
    lc->config = config;
    lc->configured = 1;
    lc->board.unlock(lc->board.context);
    lc_retain(lc);
    return 0;
}

/* The first word stands, but for a part that is good to one camera and bad to another: bad wins. */
static uint8_t decide(struct lc *lc, const struct lc_reject *wanted, uint8_t verdict) {
    if (wanted->session != lc->session) return LC_NAK_session;
    uint8_t reason = 0;
    lc->board.lock(lc->board.context);
    struct lc_part *part = lc_parts_find(&lc->parts, wanted->part);
    if (part && part->due == wanted->tick) {
        if (verdict > part->verdict) part->verdict = verdict;
    } else if (part || !lc_reached(lc->parts.next - 1, wanted->part) || !lc->parts.next) {
        reason = LC_NAK_unknown;
    } else {
        reason = lc_reached(lc->tick, wanted->tick) ? LC_NAK_past : LC_NAK_full;
    }
    lc->board.unlock(lc->board.context);
    return reason;
}

static void verdict(struct lc *lc, const struct lc_frame *frame, uint8_t verdict) {
    struct lc_reject wanted; /* PASS has the same fields */
    if (lc_get_reject(&wanted, frame->payload, frame->size))
        answer(lc, frame, decide(lc, &wanted, verdict), wanted.part);
    else
        answer(lc, frame, LC_NAK_malformed, 0);
}

static uint8_t fire(struct lc *lc, const struct lc_frame *frame, uint32_t now_us) {
    struct lc_fire wanted;
    if (!lc_get_fire(&wanted, frame->payload, frame->size)) return LC_NAK_malformed;
    if (wanted.session != lc->session) return LC_NAK_session;
    if (!lc->configured) return LC_NAK_unknown;
    lc->board.lock(lc->board.context);
    lc->test_us = now_us;
    lc_gate_fire(lc, LC_FIRE_TEST);
    lc->board.unlock(lc->board.context);
    return 0;
}

static void received(struct lc *lc, const struct lc_frame *frame, uint32_t now_us) {
    struct lc_received received;
    if (!lc_get_received(&received, frame->payload, frame->size) || received.session != lc->session) return;
    lc->board.lock(lc->board.context);
    int news = lc_outbox_received(&lc->outbox, frame->seq);
    /* Each event after a gap asks again; once is enough. */
    if (received.again && now_us - lc->resent_us > AGAIN_US) lc_outbox_again(&lc->outbox);
    /* What the other side waits for has made room meanwhile: the status says where to go on. */
    int gone = received.again && !lc_outbox_holds(&lc->outbox, frame->seq);
    lc->board.unlock(lc->board.context);
    if (news) lc->resent_us = now_us;
    if (gone) lc_send_status(lc, frame->seq, now_us);
}

static void heartbeat(struct lc *lc, const struct lc_frame *frame, uint32_t now_us) {
    uint8_t bytes[LC_MAX_FRAME], payload[LC_MAX_PAYLOAD];
    struct lc_heartbeat beat;
    if (!lc_get_heartbeat(&beat, frame->payload, frame->size)) return;
    if (beat.session == lc->session && lc->session) {
        lc->heard_us = now_us;
        lc->failsafe = 0;
    }
    struct lc_alive alive = {lc->session, now_us, lc->tick, lc_flags(lc)};
    size_t size = lc_put_alive(payload, &alive);
    lc->board.write(lc->board.context, bytes, lc_frame_encode(bytes, LC_alive, frame->seq, payload, size));
}

void lc_handle(struct lc *lc, const struct lc_frame *frame, uint32_t now_us) {
    switch (frame->type) {
    case LC_hello: hello(lc, frame, now_us); break;
    case LC_config: answer(lc, frame, configure(lc, frame), 0); break;
    case LC_heartbeat: heartbeat(lc, frame, now_us); break;
    case LC_reject: verdict(lc, frame, LC_BAD); break;
    case LC_pass: verdict(lc, frame, LC_GOOD); break;
    case LC_fire: answer(lc, frame, fire(lc, frame, now_us), 0); break;
    case LC_received: received(lc, frame, now_us); break;
    default: answer(lc, frame, LC_NAK_malformed, 0);
    }
}
