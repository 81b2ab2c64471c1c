/* Arm MPS2 with the FPGA image AN385 (Cortex-M3, 25 MHz), as qemu has it. Source: Arm, Application Note AN385.
 *
 *   UART0                     the Raspberry Pi, 115,200 8N1
 *   GPIO0 pin 0 encoder, pin 1 photo-eye: rising edges, each with an interrupt of its own
 *   LED0 gate, LED1 alarm
 *
 * Only the photo-eye's rising edge is used, so a blocked one is not noticed; there is no feedback input. */
#include "board.h"

#define TIMER 0x40000000
#define UART 0x40004000
#define GPIO0 0x40010000
#define FPGAIO 0x40028000

enum { IRQ_UART_RX = 0, IRQ_TIMER = 8, IRQ_ENCODER = 16, IRQ_EYE = 17 };
enum { ENCODER = 1, EYE = 2, GATE = 1, ALARM = 2 };
enum { CLOCK_HZ = 25000000 };

volatile uint32_t ticks_seen; /* for a debugger */
static uint32_t outputs;

static void set_output(uint32_t mask, int on) {
    uint32_t before = keep_out();
    outputs = on ? outputs | mask : outputs & ~mask;
    REGISTER(FPGAIO) = outputs;
    let_in(before);
}

void board_start(void) {
    outputs = 0;
    REGISTER(FPGAIO) = 0;
    REGISTER(FPGAIO + 0x1C) = CLOCK_HZ / 1000000 - 1; /* the counter counts microseconds */
    REGISTER(GPIO0 + 0x20) = ENCODER | EYE;           /* interrupts on */
    REGISTER(GPIO0 + 0x28) = ENCODER | EYE;           /* edges */
    REGISTER(GPIO0 + 0x30) = ENCODER | EYE;           /* rising */
    REGISTER(UART + 0x10) = (CLOCK_HZ + 57600) / 115200;
    REGISTER(UART + 0x08) = 1u << 3 | 3;              /* both ways, receive interrupt */
    REGISTER(TIMER + 0x08) = CLOCK_HZ / 1000 - 1;     /* wakes the main loop each millisecond */
    REGISTER(TIMER + 0x04) = CLOCK_HZ / 1000 - 1;
    REGISTER(TIMER) = 1u << 3 | 1;
    set_priority(IRQ_ENCODER, 0);
    set_priority(IRQ_EYE, 0);
    set_priority(IRQ_UART_RX, 1);
    set_priority(IRQ_TIMER, 2);
    enable_irq(IRQ_ENCODER);
    enable_irq(IRQ_EYE);
    enable_irq(IRQ_UART_RX);
    enable_irq(IRQ_TIMER);
}

uint32_t board_now_us(void) {
    return REGISTER(FPGAIO + 0x18);
}

void board_gate(int open) {
    set_output(GATE, open);
}

void board_alarm(int on) {
    set_output(ALARM, on);
}

int board_feedback(void) {
    return 0;
}

void board_send(const uint8_t *bytes, size_t size) {
    for (; size; size--, bytes++) {
        while (REGISTER(UART + 0x04) & 1) {
        }
        REGISTER(UART) = *bytes;
    }
}

static void encoder(void) {
    REGISTER(GPIO0 + 0x38) = ENCODER;
    on_encoder();
    ticks_seen++;
}

static void eye(void) {
    REGISTER(GPIO0 + 0x38) = EYE;
    on_eye(1);
    on_eye(0);
}

static void uart_rx(void) {
    REGISTER(UART + 0x0C) = 2;
    while (REGISTER(UART + 0x04) & 2) on_byte((uint8_t)REGISTER(UART));
}

static void timer(void) {
    REGISTER(TIMER + 0x0C) = 1;
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 32])(void) = {
    (void (*)(void))stack_top, start, EXCEPTIONS,
    [16 + IRQ_UART_RX] = uart_rx,
    [16 + IRQ_TIMER] = timer,
    [16 + IRQ_ENCODER] = encoder,
    [16 + IRQ_EYE] = eye,
};
