/* A frame on the line: COBS(type, seq, payload, CRC-16 little-endian), then 0x00.
 *
 * COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999: the zero byte occurs only between frames, so a
 * receiver is in step again after the next one. CRC-16/CCITT: polynomial 0x1021, start 0xFFFF, not reflected. */
#ifndef LC_FRAME_H
#define LC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define LC_MAX_CONTENT (2 + LC_MAX_PAYLOAD + 2)
#define LC_MAX_FRAME (LC_MAX_CONTENT + 1 + 1) /* COBS adds one byte below 255, and the delimiter */

struct lc_frame {
    uint8_t type, seq, size;
    uint8_t payload[LC_MAX_PAYLOAD];
};

/* Bytes come in one by one; all zero is an empty decoder. */
struct lc_decoder {
    uint8_t bytes[LC_MAX_FRAME];
    uint16_t count;
    uint8_t too_long;
    uint32_t bad; /* frames that were damaged, cut or too long */
};

uint16_t lc_crc16(const uint8_t *data, size_t size);

/* `out` holds size + size / 254 + 1 bytes. Returns the bytes written; no delimiter. */
size_t lc_cobs_encode(uint8_t *out, const uint8_t *data, size_t size);

/* `out` may be `data` itself. Returns the bytes written, or -1 for what no encoder writes. */
int lc_cobs_decode(uint8_t *out, const uint8_t *data, size_t size);

/* `out` holds LC_MAX_FRAME bytes. Returns the bytes written, the delimiter included; 0 for a payload too long. */
size_t lc_frame_encode(uint8_t *out, uint8_t type, uint8_t seq, const uint8_t *payload, size_t size);

/* Returns 1 when `byte` completes a good frame, which is then in `frame`. */
int lc_frame_decode(struct lc_decoder *decoder, uint8_t byte, struct lc_frame *frame);

#endif
