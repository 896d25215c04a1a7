/** What a draft source expects to come: for each of the next tokens a few candidates. */
#ifndef JUP_DECODE_GUESSES_H
#define JUP_DECODE_GUESSES_H

#include <stdint.h>

enum {
    JUP_GUESS_DEPTH = 16, /* tokens ahead */
    JUP_GUESS_WIDTH = 8,  /* candidates for one of them */
};

/** token[d][r]: the r-th likeliest candidate for the token d + 1 places after the context. */
typedef struct jup_guesses {
    int32_t depth;
    int32_t width[JUP_GUESS_DEPTH];
    int32_t token[JUP_GUESS_DEPTH][JUP_GUESS_WIDTH];
} jup_guesses_t;

#endif
