/* Stellaris LM3S6965 evaluation board, as qemu has it. Data sheet: Texas Instruments, LM3S6965, 2014.
 *
 *   UART0 (PA0 in, PA1 out)   the Raspberry Pi, 115,200 8N1
 *   PB0 encoder, rising edge  PB1 photo-eye, high = dark  PB2 gate feedback
 *   PF0 gate  PF2 alarm       for an oscilloscope: PF3 toggles with each tick, PF4 follows the photo-eye and has a
 *                             short pulse at the start */
#include "pl011.h"

#define SYSCTL 0x400FE000
#define UART 0x4000C000
#define TIMER 0x40030000
#define SYSTICK 0xE000E010
#define PORT_B 0x40005000
#define PORT_F 0x40025000

enum { IRQ_PORT_B = 1, IRQ_UART = 5, IRQ_TIMER = 19 };
enum { ENCODER = 1, EYE = 2, FEEDBACK = 4, GATE = 1, ALARM = 4, TICK_SEEN = 8, EYE_SEEN = 16 };
enum { CLOCK_HZ = 12500000 };

/* The address says which pins are meant. */
#define PINS(port, mask) REGISTER((port) + 4 * (mask))

static void start_clock(void) {
    /* 8 MHz crystal, PLL at 200 MHz, through 16. */
    uint32_t rcc = 0x07800000 | 1u << 22 | 0xEu << 6;
    REGISTER(SYSCTL + 0x60) = rcc | 1u << 11 | 1u << 13;
    REGISTER(SYSCTL + 0x60) = rcc | 1u << 11; /* PLL on, not yet used */
    for (int patience = 100000; patience && !(REGISTER(SYSCTL + 0x50) & 1u << 6); patience--) {
    }
    REGISTER(SYSCTL + 0x60) = rcc;
    REGISTER(SYSCTL + 0x104) = 1u << 16 | 1;         /* TIMER0, UART0 */
    REGISTER(SYSCTL + 0x108) = 1u << 5 | 1u << 1 | 1; /* ports F, B, A */
    (void)REGISTER(SYSCTL + 0x108);
    REGISTER(SYSTICK + 4) = 0xFFFFFF;
    REGISTER(SYSTICK + 8) = 0;
    REGISTER(SYSTICK) = 5;
}

static void start_pins(void) {
    REGISTER(0x40004000 + 0x420) = 3; /* PA0, PA1 belong to the UART */
    REGISTER(0x40004000 + 0x51C) = 3;
    REGISTER(PORT_F + 0x400) = GATE | ALARM | TICK_SEEN | EYE_SEEN;
    REGISTER(PORT_F + 0x51C) = GATE | ALARM | TICK_SEEN | EYE_SEEN;
    REGISTER(PORT_B + 0x51C) = ENCODER | EYE | FEEDBACK;
    REGISTER(PORT_B + 0x408) = EYE;     /* both edges */
    REGISTER(PORT_B + 0x40C) = ENCODER; /* rising */
    REGISTER(PORT_B + 0x41C) = ENCODER | EYE;
    REGISTER(PORT_B + 0x410) = ENCODER | EYE;
    PINS(PORT_F, EYE_SEEN) = EYE_SEEN; /* from here on no edge is lost, even if it comes before interrupts are let in */
    PINS(PORT_F, EYE_SEEN) = 0;
}

void board_start(void) {
    start_clock();
    start_pins();
    pl011_start(UART, CLOCK_HZ);
    REGISTER(TIMER + 0x04) = 2; /* periodic: wakes the main loop each millisecond */
    REGISTER(TIMER + 0x28) = CLOCK_HZ / 1000 - 1;
    REGISTER(TIMER + 0x18) = 1;
    REGISTER(TIMER + 0x0C) = 1;
    set_priority(IRQ_PORT_B, 0);
    set_priority(IRQ_UART, 1);
    set_priority(IRQ_TIMER, 1);
    enable_irq(IRQ_PORT_B);
    enable_irq(IRQ_UART);
    enable_irq(IRQ_TIMER);
}

/* From the counter itself: interrupts of it may be lost, under qemu some are. It must be read once in 1.3 s. */
uint32_t board_now_us(void) {
    static uint32_t last = 0xFFFFFF, now_us, rest;
    uint32_t count = REGISTER(SYSTICK + 8);
    uint32_t clocks2 = ((last - count) & 0xFFFFFF) * 2 + rest; /* 25 half clocks are a microsecond */
    last = count;
    now_us += clocks2 / 25;
    rest = clocks2 % 25;
    return now_us;
}

void board_gate(int open) {
    PINS(PORT_F, GATE) = open ? GATE : 0;
}

void board_alarm(int on) {
    PINS(PORT_F, ALARM) = on ? ALARM : 0;
}

int board_feedback(void) {
    return PINS(PORT_B, FEEDBACK) != 0;
}

void board_send(const uint8_t *bytes, size_t size) {
    pl011_send(UART, bytes, size);
}

static void on_port_b(void) {
    uint32_t edges = REGISTER(PORT_B + 0x418);
    REGISTER(PORT_B + 0x41C) = edges;
    if (edges & ENCODER) {
        on_encoder();
        PINS(PORT_F, TICK_SEEN) ^= TICK_SEEN;
    }
    if (edges & EYE) {
        uint32_t dark = PINS(PORT_B, EYE);
        on_eye(dark != 0);
        PINS(PORT_F, EYE_SEEN) = dark ? EYE_SEEN : 0;
    }
}

static void on_uart(void) {
    pl011_take(UART);
}

static void on_timer(void) {
    REGISTER(TIMER + 0x24) = 1;
    pl011_take(UART);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 44])(void) = {
    (void (*)(void))stack_top, start, EXCEPTIONS,
    [16 + IRQ_PORT_B] = on_port_b,
    [16 + IRQ_UART] = on_uart,
    [16 + IRQ_TIMER] = on_timer,
};
