#include "messages.h"

static uint8_t *put_u8(uint8_t *at, uint32_t value) {
    *at = (uint8_t)value;
    return at + 1;
}

static uint8_t *put_u16(uint8_t *at, uint32_t value) {
    return put_u8(put_u8(at, value), value >> 8);
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    return put_u16(put_u16(at, value), value >> 16);
}

static uint8_t get_u8(const uint8_t **at) {
    return *(*at)++;
}

static uint16_t get_u16(const uint8_t **at) {
    uint16_t low = get_u8(at);
    return (uint16_t)(low | get_u8(at) << 8);
}

static uint32_t get_u32(const uint8_t **at) {
    uint32_t low = get_u16(at);
    return low | (uint32_t)get_u16(at) << 16;
}

#define PUT(kind, name) at = put_##kind(at, message->name);
#define GET(kind, name) message->name = get_##kind(&payload);
#define SIZE(kind, name) +sizeof(lc_##kind)
#define DEFINE(number, name, direction)                                                    \
    size_t lc_put_##name(uint8_t *payload, const struct lc_##name *message) {              \
        uint8_t *at = payload;                                                             \
        LC_FIELDS_##name(PUT) return (size_t)(at - payload);                               \
    }                                                                                      \
    size_t lc_get_##name(struct lc_##name *message, const uint8_t *payload, size_t size) { \
        if (size != 0 LC_FIELDS_##name(SIZE)) return 0;                                    \
        LC_FIELDS_##name(GET) return size;                                                 \
    }
LC_MESSAGES(DEFINE)
