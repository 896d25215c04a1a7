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

jup_status_t jup_tokenizer_spm_load(jup_tokenizer_t *t, jup_error_t *err)
{
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

static void encode_escaped(encoder_t *e, jup_text_t text)
{
    jup_merger_t merger;
    jup_merger_init(&merger, merge_rule, e);
    jup_merger_run(&merger, text);
    for (int32_t i = 0; i >= 0; i = merger.symbols[i].next)
        emit(e, jup_text(merger.symbols[i].start, merger.symbols[i].length));
    jup_merger_reset(&merger);
    jup_free(e->unused_split);
}

/* Writes the text with every space as U+2581; returns the number of bytes. */
static size_t escape_spaces(jup_text_t text, bool prefix_space, char *out)
{
    static const char space[] = JUP_SPM_SPACE;
    size_t used = 0;
    if (prefix_space) {
        memcpy(out, space, 3);
        used = 3;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == ' ') {
            memcpy(out + used, space, 3);
            used += 3;
        } else {
            out[used++] = text.data[i];
        }
    }
    return used;
}

void jup_tokenizer_spm_encode(const jup_tokenizer_t *t, jup_text_t text, jup_tokens_t *tokens)
{
    encoder_t e = {.t = t, .tokens = tokens};
    char *escaped = jup_new(text.length + 1, 3);
    size_t bytes = escape_spaces(text, t->add_space_prefix, escaped);
    encode_escaped(&e, jup_text(escaped, bytes));
    jup_free(escaped);
}
