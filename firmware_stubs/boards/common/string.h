/* The little of the C library that the core needs; there is no newlib. */
#ifndef LC_STRING_H
#define LC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);

#endif
