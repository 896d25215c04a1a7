#include "decode/draft.h"

#include <string.h>

void jup_draft_reset(jup_draft_t *draft)
{
    if (draft->destroy)
        draft->destroy(draft->self);
    memset(draft, 0, sizeof *draft);
}

static void pass_on(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    (void)self;
    if (context->at_hand && context->assumed == 0)
        *guesses = *context->at_hand;
    else
        guesses->depth = 0;
}

void jup_draft_medusa_init(jup_draft_t *draft)
{
    memset(draft, 0, sizeof *draft);
    draft->name = "medusa";
    draft->propose = pass_on;
    jup_accuracy_init(&draft->accuracy, 0.4, 0.8, 20);
}

static void nothing(void *self, const jup_draft_context_t *context, jup_guesses_t *guesses)
{
    (void)self;
    (void)context;
    guesses->depth = 0;
}

void jup_draft_form_init(jup_draft_t *draft)
{
    memset(draft, 0, sizeof *draft);
    draft->name = "form";
    draft->propose = nothing;
}
