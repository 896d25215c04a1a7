/* SentencePiece BPE: merges by score, characters outside the vocabulary as bytes. */
#include "base/mem.h"
#include "io/merge.h"
#include "io/tokenizer_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- tables ------------------------------------------------------------------------------ */

static jup_status_t load_scores(jup_tokenizer_t *t, jup_error_t *err)
{
    const jup_gguf_entry_t *scores;
    JUP_TRY(jup_gguf_get_floats(t->g, "tokenizer.ggml.scores", &scores, err));
    if (!scores || scores->count != t->size)
        return jup_tokenizer_fail(
            t, err, "tokenizer.ggml.scores has %lld items for %d tokens; convert the model again",
            scores ? (long long)scores->count : 0LL, t->size);
    t->scores = jup_new((size_t)t->size, sizeof *t->scores);
    for (int32_t i = 0; i < t->size; i++) {
        t->scores[i] = (float)jup_gguf_item_float(scores, i);
        if (isnan(t->scores[i]))
            return jup_tokenizer_fail(t, err, "tokenizer.ggml.scores[%d] is not a number", i);
    }
    return JUP_OK;
}

static jup_status_t load_byte_ids(jup_tokenizer_t *t, jup_error_t *err)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        int length = snprintf(text, sizeof text, "<0x%02X>", byte);
        int32_t id = jup_text_index_find(&t->by_text, jup_text(text, (size_t)length));
        t->byte_ids[byte] = id >= 0 ? id : t->unknown;
        if (t->byte_ids[byte] < 0)
            return jup_tokenizer_fail(
                t, err, "the vocabulary has neither a token %s nor an unknown token", text);
    }
    return JUP_OK;
}

/* Writes the text with every space as U+2581; returns the number of bytes, 3 a byte at most. */
static size_t escape_spaces(jup_text_t text, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == ' ') {
            memcpy(out + used, JUP_SPM_SPACE, 3);
            used += 3;
        } else {
            out[used++] = text.data[i];
        }
    }
    return used;
}

static size_t bytes_of_symbols(const jup_tokenizer_t *t)
{
    size_t bytes = 0;
    for (int32_t id = 0; id < t->size; id++)
        if (t->types[id] == JUP_TOKEN_USER_DEFINED)
            bytes += jup_tokenizer_token_text(t, id).length;
    return bytes;
}

/* Converters write the spaces of user-defined symbols either way. */
static void load_symbols(jup_tokenizer_t *t)
{
    jup_special_t *list = jup_new((size_t)t->size, sizeof *list);
    int32_t n = 0;
    size_t used = 0;
    t->symbol_bytes = jup_new(bytes_of_symbols(t) + 1, 3);
    for (int32_t id = 0; id < t->size; id++) {
        jup_text_t text = jup_tokenizer_token_text(t, id);
        if (t->types[id] != JUP_TOKEN_USER_DEFINED || text.length == 0)
            continue;
        char *escaped = t->symbol_bytes + used;
        size_t length = escape_spaces(text, escaped);
        list[n++] = (jup_special_t){jup_text(escaped, length), id, false};
        used += length;
    }
    jup_specials_init(&t->symbols, list, n);
}

jup_status_t jup_tokenizer_spm_load(jup_tokenizer_t *t, jup_error_t *err)
{
    load_symbols(t);
    JUP_TRY(load_scores(t, err));
    JUP_TRY(load_byte_ids(t, err));
    snprintf(t->kind, sizeof t->kind, "SentencePiece BPE");
    return jup_gguf_get_bool(t->g, "tokenizer.ggml.add_space_prefix", true, &t->add_space_prefix,
                             err);
}

/* ---- encoding ---------------------------------------------------------------------------- */

/*
 * Pieces marked unused take part in merges but never come out: they fall apart again into the two
 * that last made them.
 */
typedef struct encoder {
    const jup_tokenizer_t *t;
    uint32_t *unused_split; /* per id: bytes of the left part; NULL until there is one */
    jup_tokens_t *tokens;
} encoder_t;

static void note_split(encoder_t *e, int32_t id, size_t left_bytes)
{
    if (e->t->types[id] != JUP_TOKEN_UNUSED)
        return;
    if (!e->unused_split)
        e->unused_split = jup_new((size_t)e->t->size, sizeof *e->unused_split);
    e->unused_split[id] = (uint32_t)left_bytes;
}

static bool merge_rule(void *context, jup_text_t left, jup_text_t right, double *priority)
{
    encoder_t *e = context;
    int32_t id = jup_tokenizer_find_plain(e->t, jup_text(left.data, left.length + right.length));
    if (id < 0)
        return false;
    note_split(e, id, left.length);
    *priority = (double)e->t->scores[id];
    return true;
}

static void emit_bytes(encoder_t *e, jup_text_t text)
{
    for (size_t i = 0; i < text.length; i++)
        jup_tokens_add(e->tokens, e->t->byte_ids[(unsigned char)text.data[i]]);
}

static void emit(encoder_t *e, jup_text_t text)
{
    int32_t id = jup_tokenizer_find_plain(e->t, text);
    uint32_t left = id >= 0 && e->unused_split ? e->unused_split[id] : 0;
    if (id < 0) {
        emit_bytes(e, text);
    } else if (left == 0) {
        jup_tokens_add(e->tokens, id);
    } else {
        emit(e, jup_text(text.data, left));
        emit(e, jup_text(text.data + left, text.length - left));
    }
}

static void encode_merged(encoder_t *e, jup_text_t text)
{
    if (text.length == 0)
        return;
    jup_merger_t merger;
    jup_merger_init(&merger, merge_rule, e);
    jup_merger_run(&merger, text);
    for (int32_t i = 0; i >= 0; i = merger.symbols[i].next)
        emit(e, jup_text(merger.symbols[i].start, merger.symbols[i].length));
    jup_merger_reset(&merger);
}

static void encode_escaped(encoder_t *e, jup_text_t text)
{
    size_t from = 0;
    while (from < text.length) {
        size_t at;
        const jup_special_t *symbol =
            jup_specials_find(&e->t->symbols, text, (jup_quoted_t){0}, from, &at);
        encode_merged(e, jup_text(text.data + from, at - from));
        if (!symbol)
            break;
        jup_tokens_add(e->tokens, symbol->id);
        from = at + symbol->text.length;
    }
}

void jup_tokenizer_spm_encode(const jup_tokenizer_t *t, jup_text_t text, bool further,
                              jup_tokens_t *tokens)
{
    encoder_t e = {.t = t, .tokens = tokens};
    char *escaped = jup_new(text.length + 1, 3);
    size_t prefix = t->add_space_prefix && !further ? escape_spaces(jup_text(" ", 1), escaped) : 0;
    size_t bytes = escape_spaces(text, escaped + prefix);
    encode_escaped(&e, jup_text(escaped, prefix + bytes));
    jup_free(e.unused_split);
    jup_free(escaped);
}
