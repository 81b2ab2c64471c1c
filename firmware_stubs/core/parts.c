#include "parts.h"

#include <stddef.h>

static struct lc_part *slot(struct lc_parts *parts, uint32_t id) {
    return &parts->ring[id % LC_PARTS];
}

uint32_t lc_parts_add(struct lc_parts *parts, uint32_t due) {
    uint32_t id = parts->next++;
    struct lc_part *part = slot(parts, id);
    if (part->used) {
        parts->untracked++;
        return id;
    }
    part->id = id;
    part->due = due;
    part->verdict = LC_UNDECIDED;
    part->used = 1;
    parts->count++;
    return id;
}

struct lc_part *lc_parts_find(struct lc_parts *parts, uint32_t id) {
    struct lc_part *part = slot(parts, id);
    return part->used && part->id == id ? part : NULL;
}

struct lc_part *lc_parts_first(struct lc_parts *parts) {
    if (!parts->count) return NULL;
    struct lc_part *part;
    while (!(part = lc_parts_find(parts, parts->oldest))) parts->oldest++; /* passes over those without room */
    return part;
}

void lc_parts_drop_first(struct lc_parts *parts) {
    struct lc_part *part = lc_parts_first(parts);
    if (!part) return;
    part->used = 0;
    parts->count--;
    parts->oldest++;
}
