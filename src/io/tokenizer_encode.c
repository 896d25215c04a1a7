/* Encoding: special tokens are cut out of the text first, the model's own way does the rest. */
#include "base/log.h"
#include "io/tokenizer_internal.h"

#include <string.h>

enum { MAX_TEXT_BYTES = 1 << 26 };

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

/* What is left behind a special token. */
static jup_text_t behind(const jup_tokenizer_t *t, const jup_special_t *special, jup_text_t text,
                         size_t used)
{
    static const char end_of_text[] = "<|endoftext|>";
    bool strips = t->specials_strip && special->id != t->bos && special->id != t->unknown &&
                  !jup_text_equal(special->text, jup_text(end_of_text, sizeof end_of_text - 1));
    while (strips && used < text.length && strchr(" \t\r\n", text.data[used]) && text.data[used])
        used++;
    return jup_text(text.data + used, text.length - used);
}

static jup_status_t encode_text(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                jup_tokens_t *tokens, jup_error_t *err)
{
    while (text.length > 0) {
        size_t plain;
        const jup_special_t *special =
            jup_specials_find(&t->specials, text, flags & JUP_ENCODE_SPECIAL, &plain);
        JUP_TRY(encode_plain(t, jup_text(text.data, plain), tokens, err));
        if (!special)
            break;
        jup_tokens_add(tokens, special->id);
        text = behind(t, special, text, plain + special->text.length);
    }
    return JUP_OK;
}

static void warn_two_begins(const jup_tokenizer_t *t)
{
    char shown[80];
    jup_warn("the text begins with %s and the model's rules put one in front: there are two now; "
             "leave it out of the text, or use --no-bos",
             jup_text_escape(jup_tokenizer_token_text(t, t->bos), shown, sizeof shown));
}

jup_status_t jup_tokenizer_encode(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                  jup_tokens_t *tokens, jup_error_t *err)
{
    if (text.length > MAX_TEXT_BYTES)
        return jup_fail(err, JUP_EINPUT, "the text has %zu bytes, more than 64 MiB; shorten it",
                        text.length);
    size_t first = tokens->count;
    bool begins = t->add_bos && (flags & JUP_ENCODE_BOS);
    if (begins)
        jup_tokens_add(tokens, t->bos);
    JUP_TRY(encode_text(t, text, flags, tokens, err));
    if (begins && tokens->count > first + 1 && tokens->ids[first + 1] == t->bos)
        warn_two_begins(t);
    if (t->add_eos && (flags & JUP_ENCODE_EOS))
        jup_tokens_add(tokens, t->eos);
    return JUP_OK;
}
