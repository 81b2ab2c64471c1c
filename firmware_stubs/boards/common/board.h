/* What a board gives to main.c, and what its interrupts call. */
#ifndef LC_BOARD_H
#define LC_BOARD_H

#include <stddef.h>
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* --- the board --- */

void board_start(void);       /* clocks, pins, line; no interrupt is taken before this returns */
uint32_t board_now_us(void);  /* wraps; with interrupts kept out or from one of them */
void board_gate(int open);
void board_alarm(int on);
int board_feedback(void);     /* the gate's feedback input */
void board_send(const uint8_t *bytes, size_t size); /* may wait for the line */
void board_alive(void);       /* the main loop turns; for a watchdog, where the board has one */

/* --- its interrupts: encoder and photo-eye have the same priority, the line a lower one --- */

void on_encoder(void);
void on_eye(int blocked);
void on_byte(uint8_t byte);

/* --- Cortex-M --- */

void start(void);    /* the reset vector */
void stuck(void);    /* for exceptions that nobody expects: a reset */
extern uint32_t stack_top[];

/* Vectors 2 to 15. The unused ones behind them are 0: to take one is a fault, and so a reset. */
#define EXCEPTIONS stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck

static inline uint32_t keep_out(void) {
    uint32_t before;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void let_in(uint32_t before) {
    __asm volatile("msr primask, %0" ::"r"(before) : "memory");
}

static inline void enable_irq(unsigned number) {
    REGISTER(0xE000E100 + 4 * (number / 32)) = 1u << number % 32;
}

/* 0 is the most urgent; two bits are enough on every Cortex-M. */
static inline void set_priority(unsigned number, uint32_t priority) {
    uint32_t place = 0xE000E400 + (number & ~3u), shift = 8 * (number & 3);
    REGISTER(place) = (REGISTER(place) & ~(0xFFu << shift)) | priority << (6 + shift);
}

#endif
