/* One struct a message, and its bytes on the wire. */
#ifndef LC_MESSAGES_H
#define LC_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

typedef uint8_t lc_u8;
typedef uint16_t lc_u16;
typedef uint32_t lc_u32;

#define LC_MEMBER(kind, name) lc_##kind name;
#define LC_DECLARE(number, name, direction)                                              \
    struct lc_##name {                                                                   \
        LC_FIELDS_##name(LC_MEMBER)                                                      \
    };                                                                                   \
    /* Both return the payload's size; get returns 0, and nothing is written, when `size` is another. */ \
    size_t lc_put_##name(uint8_t *payload, const struct lc_##name *message);             \
    size_t lc_get_##name(struct lc_##name *message, const uint8_t *payload, size_t size);
LC_MESSAGES(LC_DECLARE)
#undef LC_DECLARE

#endif
