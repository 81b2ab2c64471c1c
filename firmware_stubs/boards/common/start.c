/* From reset to main. The section .noinit is left as it is. */
#include "board.h"

#include <string.h>

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
int main(void);

void start(void) {
    memcpy(data_start, data_load, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    main();
}

void stuck(void) {
    REGISTER(0xE000ED0C) = 0x05FA0004; /* AIRCR: a reset. The gate closes, the settings survive, the Pi is told */
    for (;;) {
    }
}
