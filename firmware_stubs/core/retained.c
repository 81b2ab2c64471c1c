#include <string.h>

#include "controller.h"

static const uint32_t MARK = 0x4C43u << 16 | LC_PROTOCOL;

static uint16_t crc_of(const struct lc_retained *retained) {
    /* Field by field: the padding between them has no value. */
    uint8_t bytes[LC_MAX_PAYLOAD + 12];
    const uint32_t words[] = {retained->mark, retained->boots, retained->configured};
    memcpy(bytes, words, sizeof words);
    return lc_crc16(bytes, sizeof words + lc_put_config(bytes + sizeof words, &retained->config));
}

/* After the power came back the memory holds anything: everything is zero then. Returns whether the line is known. */
int lc_recall(struct lc_retained *retained) {
    if (retained->mark != MARK || retained->crc != crc_of(retained)) memset(retained, 0, sizeof *retained);
    retained->mark = MARK;
    retained->boots++;
    retained->crc = crc_of(retained);
    return retained->configured != 0;
}

void lc_retain(struct lc *lc) {
    lc->retained->config = lc->config;
    lc->retained->configured = lc->configured;
    lc->retained->crc = crc_of(lc->retained);
}
