/* Encoding: special tokens are cut out of the text first, the model's own way does the rest. */
#include "io/tokenizer_internal.h"

#include <string.h>

enum { MAX_TEXT_BYTES = 1 << 26 };

/* Control tokens only when asked for; those the user defined always. */
static bool is_wanted(const jup_tokenizer_t *t, int32_t id, unsigned flags)
{
    return t->types[id] == JUP_TOKEN_USER_DEFINED || (flags & JUP_ENCODE_SPECIAL);
}

/* The longest special token that `text` starts with, or -1. */
static int32_t special_at(const jup_tokenizer_t *t, jup_text_t text, unsigned flags)
{
    unsigned char first = (unsigned char)text.data[0];
    for (int32_t i = t->special_start[first]; i < t->special_start[first + 1]; i++) {
        int32_t id = t->specials[i];
        jup_text_t token = jup_tokenizer_token_text(t, id);
        if (token.length <= text.length && is_wanted(t, id, flags) &&
            memcmp(token.data, text.data, token.length) == 0)
            return id;
    }
    return -1;
}

/* Bytes before the next special token, whose id goes to *id (-1: none follows). */
static size_t find_special(const jup_tokenizer_t *t, jup_text_t text, unsigned flags, int32_t *id)
{
    *id = -1;
    for (size_t at = 0; at < text.length; at++) {
        *id = special_at(t, jup_text(text.data + at, text.length - at), flags);
        if (*id >= 0)
            return at;
    }
    return text.length;
}

/* A stretch without special tokens: it begins the text or follows one of them. */
static jup_status_t encode_plain(const jup_tokenizer_t *t, jup_text_t text, jup_tokens_t *tokens,
                                 jup_error_t *err)
{
    if (text.length == 0)
        return JUP_OK;
    if (t->model == JUP_TOKENIZER_BPE)
        return jup_tokenizer_bpe_encode(t, text, tokens, err);
    jup_tokenizer_spm_encode(t, text, tokens);
    return JUP_OK;
}

static jup_status_t encode_text(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                jup_tokens_t *tokens, jup_error_t *err)
{
    while (text.length > 0) {
        int32_t id;
        size_t plain = find_special(t, text, flags, &id);
        JUP_TRY(encode_plain(t, jup_text(text.data, plain), tokens, err));
        if (id < 0)
            break;
        jup_tokens_add(tokens, id);
        size_t used = plain + jup_tokenizer_token_text(t, id).length;
        text = jup_text(text.data + used, text.length - used);
    }
    return JUP_OK;
}

jup_status_t jup_tokenizer_encode(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                  jup_tokens_t *tokens, jup_error_t *err)
{
    if (text.length > MAX_TEXT_BYTES)
        return jup_fail(err, JUP_EINPUT, "the text has %zu bytes, more than 64 MiB; shorten it",
                        text.length);
    if (t->add_bos && (flags & JUP_ENCODE_BOS))
        jup_tokens_add(tokens, t->bos);
    JUP_TRY(encode_text(t, text, flags, tokens, err));
    if (t->add_eos && (flags & JUP_ENCODE_EOS))
        jup_tokens_add(tokens, t->eos);
    return JUP_OK;
}
