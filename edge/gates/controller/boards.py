"""Instructions that get the firmware onto each board, for ``edge gate flash``."""

BOARDS = {
    "pico": """\
Raspberry Pi Pico (RP2040). This port compiles; it has not been run on hardware yet.

  1. make -C firmware_stubs pico            needs gcc-arm-none-eabi
  2. Hold BOOTSEL while plugging the Pico into USB; it appears as a drive, RPI-RP2.
  3. cp build/firmware/pico.uf2 /media/$USER/RPI-RP2/

Wire    Pico GP0 (TX)  to the Raspberry Pi's GPIO15 (RXD), pin 10
        Pico GP1 (RX)  to the Raspberry Pi's GPIO14 (TXD), pin 8
        GND to GND; both sides are 3.3 V
        GP2 encoder, GP3 photo-eye, GP4 gate feedback; GP5 gate, GP6 alarm
On the Raspberry Pi: raspi-config, Interface, Serial: no login shell, port on.

  [gate]
  uri = "serial:///dev/serial0"
""",
    "lm3s6965evb": """\
Stellaris LM3S6965 evaluation board, or qemu's model of it.

  1. make -C firmware_stubs lm3s6965evb     needs gcc-arm-none-eabi
  2. openocd -f board/ek-lm3s6965.cfg -c 'program build/firmware/lm3s6965evb.elf verify reset exit'
     or: qemu-system-arm -M lm3s6965evb -kernel build/firmware/lm3s6965evb.elf -nographic

Wire    PA0 (RX), PA1 (TX), or the board's own USB serial port
        PB0 encoder, PB1 photo-eye, PB2 gate feedback; PF0 gate, PF2 alarm

  [gate]
  uri = "serial:///dev/ttyUSB1"
""",
    "mps2-an385": """\
Arm MPS2 with the FPGA image AN385, or qemu's model of it.

  1. make -C firmware_stubs mps2-an385      needs gcc-arm-none-eabi
  2. Copy build/firmware/mps2-an385.elf to the board's SD card and name it in MB/HBI0263C/AN385/images.txt,
     or: qemu-system-arm -M mps2-an385 -kernel build/firmware/mps2-an385.elf -nographic

Wire    UART0; GPIO0 pin 0 encoder, pin 1 photo-eye; LED0 gate, LED1 alarm

  [gate]
  uri = "serial:///dev/ttyUSB0"
""",
}
