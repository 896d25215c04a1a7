#include "ask/prompts.h"

#include "base/mem.h"

#include <string.h>

void jup_prompts_reset(jup_prompts_t *p)
{
    char *const texts[] = {p->name,  p->plain,          p->further,   p->outline,
                           p->point, p->outline_begins, p->turn_ends, p->system};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        jup_free(texts[i]);
    memset(p, 0, sizeof *p);
}

void jup_prompts_fill(const jup_prompts_t *prompts, const char *form, const char *question,
                      int32_t index, const char *title, jup_filled_t *filled)
{
    const jup_values_t values = {
        .question = question,
        .system = prompts->system ? prompts->system : "",
        .index = index,
        .title = title,
        .one_line = prompts->one_line,
    };
    jup_fill(filled, form, &values);
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* flags: JUP_ENCODE_BOS, or none. */
static jup_status_t encode(const jup_prompts_t *p, const jup_tokenizer_t *tokenizer,
                           const jup_filled_t *asked, unsigned flags, jup_tokens_t *tokens,
                           jup_error_t *err)
{
    flags |= p->special || p->typed ? JUP_ENCODE_SPECIAL : 0u;
    return jup_tokenizer_encode_quoting(tokenizer, jup_text(asked->text, asked->n), asked->values,
                                        p->typed ? 0 : asked->n_values, flags, tokens, err);
}

jup_status_t jup_prompts_encode(const jup_prompts_t *prompts, const jup_tokenizer_t *tokenizer,
                                const jup_filled_t *asked, jup_tokens_t *tokens, jup_error_t *err)
{
    if (prompts->begins && !jup_tokenizer_adds_bos(tokenizer) && jup_tokenizer_bos(tokenizer) >= 0)
        jup_tokens_add(tokens, jup_tokenizer_bos(tokenizer));
    return encode(prompts, tokenizer, asked, JUP_ENCODE_BOS, tokens, err);
}

jup_status_t jup_prompts_encode_further(const jup_prompts_t *prompts,
                                        const jup_tokenizer_t *tokenizer, const jup_filled_t *said,
                                        jup_tokens_t *tokens, jup_error_t *err)
{
    return encode(prompts, tokenizer, said, JUP_ENCODE_FURTHER, tokens, err);
}
