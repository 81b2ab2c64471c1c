#include "frame.h"

#include <string.h>

uint16_t lc_crc16(const uint8_t *data, size_t size) {
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < size; i++) {
        /* A byte at once, without a table: the polynomial has few terms. */
        uint8_t top = (uint8_t)(crc >> 8 ^ data[i]);
        top ^= top >> 4;
        crc = (uint16_t)(crc << 8 ^ top << 12 ^ top << 5 ^ top);
    }
    return crc;
}

size_t lc_cobs_encode(uint8_t *out, const uint8_t *data, size_t size) {
    uint8_t *code = out, *at = out + 1;
    *code = 1;
    for (size_t i = 0; i < size; i++) {
        if (*code == 0xFF) {
            code = at++;
            *code = 1;
        }
        if (data[i] == 0) {
            code = at++;
            *code = 1;
        } else {
            *at++ = data[i];
            ++*code;
        }
    }
    return (size_t)(at - out);
}

int lc_cobs_decode(uint8_t *out, const uint8_t *data, size_t size) {
    size_t written = 0;
    for (size_t i = 0; i < size;) {
        uint8_t code = data[i++];
        if (code == 0 || code - 1u > size - i) return -1;
        for (uint8_t left = code; left > 1; left--, i++) {
            if (data[i] == 0) return -1;
            out[written++] = data[i];
        }
        if (code != 0xFF && i < size) out[written++] = 0;
    }
    return size == 0 ? -1 : (int)written;
}

size_t lc_frame_encode(uint8_t *out, uint8_t type, uint8_t seq, const uint8_t *payload, size_t size) {
    uint8_t content[LC_MAX_CONTENT];
    if (size > LC_MAX_PAYLOAD) return 0;
    content[0] = type;
    content[1] = seq;
    if (size) memcpy(content + 2, payload, size);
    uint16_t crc = lc_crc16(content, size + 2);
    content[size + 2] = (uint8_t)crc;
    content[size + 3] = (uint8_t)(crc >> 8);
    size_t written = lc_cobs_encode(out, content, size + 4);
    out[written++] = 0;
    return written;
}

static int take(struct lc_decoder *decoder, struct lc_frame *frame) {
    int size = lc_cobs_decode(decoder->bytes, decoder->bytes, decoder->count);
    const uint8_t *content = decoder->bytes;
    if (size < 4 || size > LC_MAX_CONTENT) return 0;
    if (lc_crc16(content, (size_t)size - 2) != (content[size - 2] | content[size - 1] << 8)) return 0;
    frame->type = content[0];
    frame->seq = content[1];
    frame->size = (uint8_t)(size - 4);
    memcpy(frame->payload, content + 2, frame->size);
    return 1;
}

int lc_frame_decode(struct lc_decoder *decoder, uint8_t byte, struct lc_frame *frame) {
    if (byte != 0) {
        if (decoder->count < sizeof decoder->bytes)
            decoder->bytes[decoder->count++] = byte;
        else
            decoder->too_long = 1;
        return 0;
    }
    int good = !decoder->too_long && take(decoder, frame);
    if (!good && (decoder->count || decoder->too_long)) decoder->bad++;
    decoder->count = 0;
    decoder->too_long = 0;
    return good;
}
