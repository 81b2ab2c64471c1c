/* Raspberry Pi Pico (RP2040). COMPILES; NOT RUN ON HARDWARE. Source: RP2040 data sheet, 2024.
 *
 *   GP0 out, GP1 in           UART0 to the Raspberry Pi's GPIO15 (RXD) and GPIO14 (TXD), 115,200 8N1, 3.3 V
 *   GP2 encoder, rising edge  GP3 photo-eye, high = dark  GP4 gate feedback: with pull-downs
 *   GP5 gate  GP6 alarm       GP25 the LED: alarm */
#include "pl011.h"

#define CLOCKS 0x40008000
#define RESETS 0x4000C000
#define IO_BANK0 0x40014000
#define PADS 0x4001C000
#define XOSC 0x40024000
#define UART 0x40034000
#define TIMER 0x40054000
#define WATCHDOG 0x40058000
#define PSM 0x40010000
#define SIO 0xD0000000
#define SET 0x2000 /* aliases that set or clear bits */
#define CLEAR 0x3000

enum { IRQ_TIMER0 = 0, IRQ_PINS = 13, IRQ_UART0 = 20 };
enum { UART_TX, UART_RX, ENCODER, EYE, FEEDBACK, GATE, ALARM, LED = 25 };
enum { FUNCTION_UART = 2, FUNCTION_SIO = 5 };
enum { CRYSTAL_HZ = 12000000, LOOP_US = 1000, WATCHDOG_US = 1000000 };
enum { EDGE_FALL = 4, EDGE_RISE = 8 };

/* Four bits a pin, of pins 0 to 7. */
#define EDGES(pin, which) ((uint32_t)(which) << 4 * (pin))

static void start_clock(void) {
    REGISTER(XOSC + 0x0C) = 47; /* about 1 ms to start */
    REGISTER(XOSC) = 0xFABAA0;
    while (!(REGISTER(XOSC + 0x04) & 1u << 31)) {
    }
    REGISTER(CLOCKS + 0x30) = 2;        /* reference: crystal */
    REGISTER(CLOCKS + 0x3C) = 0;        /* system: reference, 12 MHz */
    REGISTER(CLOCKS + 0x48) = 1u << 11; /* peripherals: system */
    REGISTER(WATCHDOG + 0x2C) = 1u << 9 | CRYSTAL_HZ / 1000000; /* the timer's microsecond */
    uint32_t wanted = 1u << 5 | 1u << 8 | 1u << 21 | 1u << 22;  /* pins, pads, timer, UART0 */
    REGISTER(RESETS + CLEAR) = wanted;
    while ((REGISTER(RESETS + 0x08) & wanted) != wanted) {
    }
}

static void use_pin(unsigned pin, uint32_t function) {
    REGISTER(IO_BANK0 + 8 * pin + 4) = function;
}

static void start_pins(void) {
    REGISTER(SIO + 0x18) = 1u << GATE | 1u << ALARM | 1u << LED; /* low before they drive */
    REGISTER(SIO + 0x24) = 1u << GATE | 1u << ALARM | 1u << LED;
    for (unsigned pin = ENCODER; pin <= FEEDBACK; pin++) REGISTER(PADS + 4 + 4 * pin) = 1u << 6 | 1u << 2 | 1u << 1;
    for (unsigned pin = ENCODER; pin <= ALARM; pin++) use_pin(pin, FUNCTION_SIO);
    use_pin(LED, FUNCTION_SIO);
    use_pin(UART_TX, FUNCTION_UART);
    use_pin(UART_RX, FUNCTION_UART);
    uint32_t edges = EDGES(ENCODER, EDGE_RISE) | EDGES(EYE, EDGE_RISE | EDGE_FALL);
    REGISTER(IO_BANK0 + 0xF0) = edges;
    REGISTER(IO_BANK0 + 0x100) = edges;
}

void board_start(void) {
    start_clock();
    start_pins();
    pl011_start(UART, CRYSTAL_HZ);
    REGISTER(TIMER + 0x38) = 1;
    REGISTER(TIMER + 0x10) = board_now_us() + LOOP_US;
    set_priority(IRQ_PINS, 0);
    set_priority(IRQ_UART0, 1);
    set_priority(IRQ_TIMER0, 1);
    enable_irq(IRQ_PINS);
    enable_irq(IRQ_UART0);
    enable_irq(IRQ_TIMER0);
    board_alive();
    REGISTER(PSM + 0x08) = 0x1FFFF & ~3u; /* the watchdog resets all but the oscillators */
    REGISTER(WATCHDOG + SET) = 1u << 30;
}

uint32_t board_now_us(void) {
    return REGISTER(TIMER + 0x28);
}

/* The watchdog counts two a microsecond (erratum RP2040-E1). */
void board_alive(void) {
    REGISTER(WATCHDOG + 0x04) = 2 * WATCHDOG_US;
}

static void set_pins(uint32_t mask, int on) {
    REGISTER(SIO + (on ? 0x14 : 0x18)) = mask;
}

void board_gate(int open) {
    set_pins(1u << GATE, open);
}

void board_alarm(int on) {
    set_pins(1u << ALARM | 1u << LED, on);
}

int board_feedback(void) {
    return (REGISTER(SIO + 0x04) & 1u << FEEDBACK) != 0;
}

void board_send(const uint8_t *bytes, size_t size) {
    pl011_send(UART, bytes, size);
}

static void on_pins(void) {
    uint32_t edges = REGISTER(IO_BANK0 + 0x120);
    REGISTER(IO_BANK0 + 0xF0) = edges;
    if (edges & EDGES(ENCODER, EDGE_RISE)) on_encoder();
    if (edges & EDGES(EYE, EDGE_RISE | EDGE_FALL)) on_eye((REGISTER(SIO + 0x04) & 1u << EYE) != 0);
}

static void on_uart(void) {
    pl011_take(UART);
}

static void on_timer(void) {
    REGISTER(TIMER + 0x34) = 1;
    REGISTER(TIMER + 0x10) = board_now_us() + LOOP_US;
    pl011_take(UART);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 26])(void) = {
    (void (*)(void))stack_top, start, EXCEPTIONS,
    [16 + IRQ_TIMER0] = on_timer,
    [16 + IRQ_PINS] = on_pins,
    [16 + IRQ_UART0] = on_uart,
};
