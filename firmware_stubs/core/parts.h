/* The parts between photo-eye and gate, oldest first, each with what is to be done when it reaches the gate. */
#ifndef LC_PARTS_H
#define LC_PARTS_H

#include <stdint.h>

#define LC_PARTS 64 /* a power of two */

enum lc_verdict { LC_UNDECIDED, LC_GOOD, LC_BAD };

struct lc_part {
    uint32_t id, due;
    uint8_t used, verdict;
};

/* All zero is empty. */
struct lc_parts {
    struct lc_part ring[LC_PARTS];
    uint32_t next, oldest; /* numbers: of the part to come, and of the oldest that may still be here */
    uint32_t untracked;    /* parts that found no room */
    uint8_t count;
};

/* The part gets the next number, also when there is no room for it. Returns the number. */
uint32_t lc_parts_add(struct lc_parts *parts, uint32_t due);

/* NULL when the part has left, found no room or was never seen. */
struct lc_part *lc_parts_find(struct lc_parts *parts, uint32_t id);

/* The oldest, or NULL. */
struct lc_part *lc_parts_first(struct lc_parts *parts);

void lc_parts_drop_first(struct lc_parts *parts);

/* Is tick `a` at or after tick `b`? Counts wrap. */
static inline int lc_reached(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) >= 0;
}

#endif
