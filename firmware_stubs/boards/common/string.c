#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *out = to;
    const unsigned char *in = from;
    while (size--) *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t size) {
    unsigned char *out = to;
    while (size--) *out++ = (unsigned char)value;
    return to;
}
