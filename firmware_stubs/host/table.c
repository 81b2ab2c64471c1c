/* Prints the protocol as the firmware has it, one line an entry; a test compares it with the README and with Python. */
#include <stdio.h>

#include "../core/controller.h"

#define FIELD(kind, name) " " #name ":" #kind
#define MESSAGE(number, name, sender) printf("message %s 0x%02x %s%s\n", #name, number, sender, LC_FIELDS_##name(FIELD));
#define CONSTANT(number, group, name) printf("constant %s %s %d\n", #group, #name, number);

int main(void) {
    printf("limit protocol %d\nlimit max_payload %d\nlimit parts %d\nlimit events %d\nlimit window %d\n", LC_PROTOCOL,
           LC_MAX_PAYLOAD, LC_PARTS, LC_EVENTS, LC_WINDOW);
    LC_MESSAGES(MESSAGE)
    LC_CONSTANTS(CONSTANT)
    return 0;
}
