/* What happened, until the Raspberry Pi has it: numbered events, sent in order, sent again from the oldest when no
 * answer comes (go-back-N). When nobody listens for long, the oldest make room and are counted. */
#ifndef LC_OUTBOX_H
#define LC_OUTBOX_H

#include <stdint.h>

#define LC_EVENTS 128 /* at most 128, so that an 8-bit number is never ambiguous */
#define LC_EVENT_SIZE 12
#define LC_WINDOW 16 /* sent and not yet RECEIVED */

struct lc_event {
    uint8_t type, size;
    uint8_t payload[LC_EVENT_SIZE];
};

/* All zero is empty. The numbers are modulo 256: the oldest kept, the next to send, the next to come. */
struct lc_outbox {
    struct lc_event ring[LC_EVENTS];
    uint8_t base, sent, next;
    uint32_t lost;
};

void lc_outbox_add(struct lc_outbox *outbox, uint8_t type, const uint8_t *payload, uint8_t size);

/* The next event to send and its number, or NULL. The caller sends a copy: an interrupt may add meanwhile. */
const struct lc_event *lc_outbox_send(struct lc_outbox *outbox, uint8_t *number);

/* All before `number` have arrived. Returns 1 when that is news. */
int lc_outbox_received(struct lc_outbox *outbox, uint8_t number);

/* Everything that has not arrived will be sent again. */
void lc_outbox_again(struct lc_outbox *outbox);

/* Is `number` kept here, or the next to come? */
static inline int lc_outbox_holds(const struct lc_outbox *outbox, uint8_t number) {
    return (uint8_t)(number - outbox->base) <= (uint8_t)(outbox->next - outbox->base);
}

static inline int lc_outbox_waiting(const struct lc_outbox *outbox) {
    return outbox->sent != outbox->base;
}

#endif
