/* Sizes for whoever loads the core as a shared library and gives the memory itself. */
#include "../core/controller.h"

size_t lc_size(void) {
    return sizeof(struct lc);
}

size_t lc_retained_size(void) {
    return sizeof(struct lc_retained);
}

size_t lc_decoder_size(void) {
    return sizeof(struct lc_decoder);
}
