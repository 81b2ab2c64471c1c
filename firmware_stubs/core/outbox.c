#include "outbox.h"

#include <stddef.h>
#include <string.h>

void lc_outbox_add(struct lc_outbox *outbox, uint8_t type, const uint8_t *payload, uint8_t size) {
    if ((uint8_t)(outbox->next - outbox->base) == LC_EVENTS) {
        if (outbox->sent == outbox->base) outbox->sent++;
        outbox->base++;
        outbox->lost++;
    }
    struct lc_event *event = &outbox->ring[outbox->next++ % LC_EVENTS];
    event->type = type;
    event->size = size;
    memcpy(event->payload, payload, size);
}

const struct lc_event *lc_outbox_send(struct lc_outbox *outbox, uint8_t *number) {
    if (outbox->sent == outbox->next || (uint8_t)(outbox->sent - outbox->base) >= LC_WINDOW) return NULL;
    *number = outbox->sent++;
    return &outbox->ring[*number % LC_EVENTS];
}

int lc_outbox_received(struct lc_outbox *outbox, uint8_t number) {
    uint8_t news = (uint8_t)(number - outbox->base);
    /* After going back, more than was sent again may be confirmed; a number out of any use is an old answer. */
    if (news == 0 || news > (uint8_t)(outbox->next - outbox->base) || news > LC_WINDOW) return 0;
    if ((uint8_t)(outbox->sent - outbox->base) < news) outbox->sent = number;
    outbox->base = number;
    return 1;
}

void lc_outbox_again(struct lc_outbox *outbox) {
    outbox->sent = outbox->base;
}
