/* libFuzzer: whatever comes down the line, the controller stays within its memory, and a good frame still works. */
#include <stdlib.h>
#include <string.h>

#include "../core/controller.h"

static struct lc controller;
static struct lc_retained retained;
static uint8_t last_type;

static void nothing(void *context) {
    (void)context;
}

static void output(void *context, int on) {
    (void)context;
    (void)on;
}

static void written(void *context, const uint8_t *bytes, size_t size) {
    static struct lc_decoder decoder;
    struct lc_frame frame;
    (void)context;
    for (size_t i = 0; i < size; i++)
        if (lc_frame_decode(&decoder, bytes[i], &frame)) last_type = frame.type;
    if (decoder.bad) abort(); /* what we send must be readable */
}

static void feed(const uint8_t *bytes, size_t size, uint32_t now_us) {
    for (size_t i = 0; i < size; i++) lc_receive(&controller, bytes[i], now_us);
}

static void still_answers(uint32_t now_us) {
    uint8_t bytes[LC_MAX_FRAME], payload[LC_MAX_PAYLOAD];
    struct lc_hello hello = {LC_PROTOCOL, 7};
    size_t size = lc_frame_encode(bytes, LC_hello, 0, payload, lc_put_hello(payload, &hello));
    feed((const uint8_t *)"", 1, now_us); /* ends whatever was begun */
    last_type = 0;
    feed(bytes, size, now_us);
    if (last_type != LC_status) abort();
}

/* Half of the inputs are wrapped into frames with a right CRC, so that what lies behind the CRC is reached, too. */
static void feed_frames(const uint8_t *data, size_t size, uint32_t *now_us) {
    while (size >= 2) {
        uint8_t bytes[LC_MAX_FRAME], payload[LC_MAX_PAYLOAD];
        size_t length = data[1] % (LC_MAX_PAYLOAD + 1u);
        if (length > size - 2) length = size - 2;
        memcpy(payload, data + 2, length);
        if (length >= 4 && data[1] & 0x80) memcpy(payload, &controller.session, 4);
        feed(bytes, lc_frame_encode(bytes, data[0], (uint8_t)size, payload, length), *now_us);
        data += 2 + length;
        size -= 2 + length;
        lc_eye(&controller, (int)(size & 1), *now_us);
        lc_encoder(&controller);
        *now_us += 1000u * (uint32_t)size;
        lc_poll(&controller, *now_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct lc_board board = {NULL, output, output, written, nothing, nothing};
    uint32_t now_us = 0;
    lc_start(&controller, &board, &retained, now_us);
    if (size && data[0] & 1)
        feed_frames(data + 1, size - 1, &now_us);
    else
        feed(data, size, now_us);
    still_answers(now_us);
    return 0;
}
