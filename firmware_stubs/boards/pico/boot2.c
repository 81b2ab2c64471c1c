/* The second boot stage: reads the flash by command 03h, which every serial flash has, one bit at a time.
 * RP2040 data sheet, sections 2.8.1.3 (boot stage 2) and 4.10 (SSI). Runs from RAM, at any address. */
__asm(
    ".section .boot2, \"ax\"\n"
    ".syntax unified\n"
    ".thumb\n"
    "    push {lr}\n"
    "    ldr r3, =0x18000000\n"  /* XIP_SSI */
    "    movs r1, #0\n"
    "    str r1, [r3, #8]\n"     /* SSIENR: off, to be set up */
    "    movs r1, #4\n"
    "    str r1, [r3, #0x14]\n"  /* BAUDR: a quarter of the clock */
    "    ldr r1, =0x001F0300\n"  /* CTRLR0: 32 bits a frame, EEPROM read */
    "    str r1, [r3]\n"
    "    ldr r1, =0x03000218\n"  /* SPI_CTRLR0: command 03h of 8 bits, 24 bits of address */
    "    ldr r0, =0x180000F4\n"
    "    str r1, [r0]\n"
    "    movs r1, #0\n"
    "    str r1, [r3, #4]\n"     /* CTRLR1: one frame at a time */
    "    movs r1, #1\n"
    "    str r1, [r3, #8]\n"
    "    pop {r0}\n"             /* the boot ROM comes here with 0; a program that calls it, with its return */
    "    cmp r0, #0\n"
    "    beq 1f\n"
    "    bx r0\n"
    "1:  ldr r0, =0x10000100\n"  /* the vectors */
    "    ldr r1, =0xE000ED08\n"
    "    str r0, [r1]\n"
    "    ldmia r0, {r0, r1}\n"
    "    msr msp, r0\n"
    "    bx r1\n"
    "    .ltorg\n");
