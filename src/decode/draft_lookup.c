/*
 * Prompt lookup: text repeats itself, so what followed the same few tokens earlier may follow now.
 * Longer matches first; of equal ones the latest.
 */
#include "decode/draft.h"

#include <string.h>

enum { LONGEST = 4, SHORTEST = 2, AHEAD = 8 };

static bool matches(const int32_t *tokens, int32_t at, int32_t n, int32_t length)
{
    return memcmp(tokens + at, tokens + n - length, (size_t)length * sizeof *tokens) == 0;
}

/* Where the text after the latest earlier occurrence of the last `length` tokens begins; or -1. */
static int32_t find(const int32_t *tokens, int32_t n, int32_t length)
{
    for (int32_t at = n - length - 1; at >= 0; at--)
        if (matches(tokens, at, n, length))
            return at + length;
    return -1;
}

static void propose(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    (void)self;
    int32_t from = -1, n = context->n;
    guesses->depth = 0;
    for (int32_t length = LONGEST; length >= SHORTEST && from < 0; length--)
        if (length < n)
            from = find(context->tokens, n, length);
    if (from < 0)
        return;
    /* what follows may run into the end of the context: then the text is taken to repeat itself */
    for (int32_t d = 0; d < AHEAD; d++) {
        int32_t at = from + d;
        guesses->width[d] = 1;
        guesses->token[d][0] = at < n ? context->tokens[at] : guesses->token[at - n][0];
        guesses->depth++;
    }
}

void jup_draft_lookup_init(jup_draft_t *draft)
{
    memset(draft, 0, sizeof *draft);
    draft->name = "lookup";
    draft->propose = propose;
    jup_accuracy_init(&draft->accuracy, 0.5, 1, 10);
}
