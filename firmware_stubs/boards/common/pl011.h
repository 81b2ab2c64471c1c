/* Arm's PL011 UART, which the LM3S6965 and the RP2040 have: 115,200 8N1. Source: Arm DDI 0183. */
#ifndef LC_PL011_H
#define LC_PL011_H

#include "board.h"

enum { PL011_FR_RX_EMPTY = 1 << 4, PL011_FR_TX_FULL = 1 << 5, PL011_RX = 1 << 4, PL011_RX_TIMEOUT = 1 << 6 };

static inline void pl011_start(uint32_t uart, uint32_t clock_hz) {
    REGISTER(uart + 0x30) = 0;
    REGISTER(uart + 0x24) = clock_hz / (16 * 115200);
    REGISTER(uart + 0x28) = (clock_hz % (16 * 115200) * 64 + 8 * 115200) / (16 * 115200);
    REGISTER(uart + 0x2C) = 3u << 5 | 1u << 4; /* 8N1, FIFO */
    REGISTER(uart + 0x34) = 0;                 /* interrupt at 1/8 full, or when nothing more comes */
    REGISTER(uart + 0x38) = PL011_RX | PL011_RX_TIMEOUT;
    REGISTER(uart + 0x30) = 0x301; /* on, both ways */
}

static inline void pl011_send(uint32_t uart, const uint8_t *bytes, size_t size) {
    for (; size; size--, bytes++) {
        while (REGISTER(uart + 0x18) & PL011_FR_TX_FULL) {
        }
        REGISTER(uart) = *bytes;
    }
}

/* From the UART's interrupt, and from one of the same priority once a millisecond: bytes that came before a reset raise
 * no interrupt any more. */
static inline void pl011_take(uint32_t uart) {
    REGISTER(uart + 0x44) = PL011_RX | PL011_RX_TIMEOUT;
    while (!(REGISTER(uart + 0x18) & PL011_FR_RX_EMPTY)) on_byte((uint8_t)REGISTER(uart));
}

#endif
