/* Encoding: special tokens are cut out of the text first, the model's own way does the rest. */
#include "base/log.h"
#include "io/tokenizer_internal.h"

#include <string.h>

enum { MAX_TEXT_BYTES = 1 << 26 };

/* A stretch without special tokens: it begins the text or follows one of them. further: it goes on
 * after other text. */
static jup_status_t encode_plain(const jup_tokenizer_t *t, jup_text_t text, bool further,
                                 jup_tokens_t *tokens, jup_error_t *err)
{
    if (text.length == 0)
        return JUP_OK;
    if (t->model == JUP_TOKENIZER_BPE)
        return jup_tokenizer_bpe_encode(t, text, tokens, err);
    jup_tokenizer_spm_encode(t, text, further, tokens);
    return JUP_OK;
}

/* Where the text goes on behind a special token that ends at `at`. */
static size_t behind(const jup_tokenizer_t *t, const jup_special_t *special, jup_text_t text,
                     size_t at)
{
    static const char end_of_text[] = "<|endoftext|>";
    bool strips = t->specials_strip && special->id != t->bos && special->id != t->unknown &&
                  !jup_text_equal(special->text, jup_text(end_of_text, sizeof end_of_text - 1));
    while (strips && at < text.length && strchr(" \t\r\n", text.data[at]) && text.data[at])
        at++;
    return at;
}

static jup_status_t encode_text(const jup_tokenizer_t *t, jup_text_t text, jup_quoted_t quoted,
                                bool further, jup_tokens_t *tokens, jup_error_t *err)
{
    size_t from = 0;
    while (from < text.length) {
        size_t at;
        const jup_special_t *special = jup_specials_find(&t->specials, text, quoted, from, &at);
        JUP_TRY(encode_plain(t, jup_text(text.data + from, at - from), further && from == 0, tokens,
                             err));
        if (!special)
            break;
        jup_tokens_add(tokens, special->id);
        from = behind(t, special, text, at + special->text.length);
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

jup_status_t jup_tokenizer_encode_quoting(const jup_tokenizer_t *t, jup_text_t text,
                                          const jup_stretch_t *quoted, size_t n_quoted,
                                          unsigned flags, jup_tokens_t *tokens, jup_error_t *err)
{
    const jup_stretch_t all = {0, text.length};
    const jup_quoted_t spans =
        flags & JUP_ENCODE_SPECIAL ? (jup_quoted_t){quoted, n_quoted} : (jup_quoted_t){&all, 1};
    if (text.length > MAX_TEXT_BYTES)
        return jup_fail(err, JUP_EINPUT, "the text has %zu bytes, more than 64 MiB; shorten it",
                        text.length);
    size_t first = tokens->count;
    bool begins = t->add_bos && (flags & JUP_ENCODE_BOS);
    if (begins)
        jup_tokens_add(tokens, t->bos);
    JUP_TRY(encode_text(t, text, spans, flags & JUP_ENCODE_FURTHER, tokens, err));
    if (begins && tokens->count > first + 1 && tokens->ids[first + 1] == t->bos)
        warn_two_begins(t);
    if (t->add_eos && (flags & JUP_ENCODE_EOS))
        jup_tokens_add(tokens, t->eos);
    return JUP_OK;
}

jup_status_t jup_tokenizer_encode(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                  jup_tokens_t *tokens, jup_error_t *err)
{
    return jup_tokenizer_encode_quoting(t, text, NULL, 0, flags, tokens, err);
}
