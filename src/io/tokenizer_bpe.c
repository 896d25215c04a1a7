/* Byte-level BPE: bytes as printable characters, words by a pre-tokenizer, merges by rank. */
#include "base/log.h"
#include "base/mem.h"
#include "io/merge.h"
#include "io/tokenizer_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- alphabet ---------------------------------------------------------------------------- */

/* Bytes that stand for themselves; the others are numbered from 256 on, in order. */
static bool is_own_char(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

uint32_t jup_bpe_byte_to_char(unsigned char byte)
{
    if (is_own_char(byte))
        return byte;
    if (byte <= 0x20)
        return 256u + byte;
    return byte == 0xAD ? 256u + 67 : 256u + 33 + (byte - 0x7Fu);
}

int jup_bpe_char_to_byte(uint32_t code_point)
{
    if (code_point < 256)
        return is_own_char(code_point) ? (int)code_point : -1;
    uint32_t n = code_point - 256;
    if (n <= 0x20)
        return (int)n;
    if (n == 67)
        return 0xAD;
    return n < 67 ? (int)(n - 33 + 0x7F) : -1;
}

/* ---- tables ------------------------------------------------------------------------------ */

static jup_status_t load_byte_ids(jup_tokenizer_t *t, jup_error_t *err)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[4];
        int length = jup_utf8_encode(jup_bpe_byte_to_char((unsigned char)byte), text);
        int32_t id = jup_text_index_find(&t->by_text, jup_text(text, (size_t)length));
        t->byte_ids[byte] = id >= 0 ? id : t->unknown;
        if (t->byte_ids[byte] < 0)
            return jup_tokenizer_fail(
                t, err, "the vocabulary has neither a token for byte 0x%02X nor an unknown token",
                byte);
    }
    return JUP_OK;
}

/* "left right": one space inside, both sides present. */
static bool is_merge(jup_text_t text)
{
    const char *space = text.length > 2 ? memchr(text.data + 1, ' ', text.length - 2) : NULL;
    return space != NULL;
}

static jup_status_t add_merge(jup_tokenizer_t *t, jup_text_t merge, int32_t rank, jup_error_t *err)
{
    char shown[80];
    if (!is_merge(merge))
        return jup_tokenizer_fail(
            t, err,
            "tokenizer.ggml.merges[%d] is '%s', not two pieces with a space between them; convert "
            "the model again",
            rank, jup_text_escape(merge, shown, sizeof shown));
    if (jup_text_index_find(&t->merges, merge) < 0)
        jup_text_index_put(&t->merges, merge, rank);
    if (merge.length > t->longest_merge)
        t->longest_merge = merge.length;
    return JUP_OK;
}

static jup_status_t load_merges(jup_tokenizer_t *t, jup_error_t *err)
{
    const jup_gguf_entry_t *merges;
    JUP_TRY(jup_gguf_get_texts(t->g, "tokenizer.ggml.merges", &merges, err));
    if (!merges)
        return jup_tokenizer_fail(
            t, err,
            "tokenizer.ggml.merges is missing for a byte-level BPE; convert the model again");
    jup_text_index_init(&t->merges, (size_t)merges->count);
    for (int64_t i = 0; i < merges->count; i++)
        JUP_TRY(add_merge(t, jup_gguf_item_text(merges, i), (int32_t)i, err));
    return JUP_OK;
}

static jup_status_t load_pretokenizer(jup_tokenizer_t *t, jup_error_t *err)
{
    const char *name;
    JUP_TRY(jup_gguf_get_text(t->g, "tokenizer.ggml.pre", NULL, &name, err));
    if (!name)
        jup_warn("%s: tokenizer.ggml.pre is missing; the pre-tokenizer 'default' is assumed",
                 jup_gguf_path(t->g));
    const jup_pretokenizer_rules_t *rules = jup_pretokenizer_rules(name ? name : "default");
    char shown[80], names[600];
    jup_pretokenizer_names(names, sizeof names);
    if (!rules)
        return jup_tokenizer_fail(
            t, err, "the pre-tokenizer '%s' is not supported (supported: %s)",
            jup_text_escape(jup_text(name, strlen(name)), shown, sizeof shown), names);
    t->ignore_merges = rules->ignore_merges;
    t->add_bos = rules->add_bos;
    snprintf(t->kind, sizeof t->kind, "byte-level BPE, pre-tokenizer %s", rules->family);
    return jup_pretokenizer_new(rules, &t->pretokenizer, err);
}

jup_status_t jup_tokenizer_bpe_load(jup_tokenizer_t *t, jup_error_t *err)
{
    JUP_TRY(load_byte_ids(t, err));
    JUP_TRY(load_merges(t, err));
    return load_pretokenizer(t, err);
}

/* ---- encoding ---------------------------------------------------------------------------- */

typedef struct encoder {
    const jup_tokenizer_t *t;
    jup_tokens_t *tokens;
    jup_merger_t merger;
    char *key;    /* room for the longest merge */
    char *mapped; /* the word in the alphabet of bytes */
    size_t mapped_capacity;
} encoder_t;

static bool merge_rule(void *context, jup_text_t left, jup_text_t right, double *priority)
{
    const encoder_t *e = context;
    size_t length = left.length + 1 + right.length;
    if (length > e->t->longest_merge)
        return false;
    memcpy(e->key, left.data, left.length);
    e->key[left.length] = ' ';
    memcpy(e->key + left.length + 1, right.data, right.length);
    int32_t rank = jup_text_index_find(&e->t->merges, jup_text(e->key, length));
    *priority = -(double)rank;
    return rank >= 0;
}

static jup_text_t map_bytes(encoder_t *e, jup_text_t word)
{
    if (word.length * 2 > e->mapped_capacity) {
        e->mapped_capacity = word.length * 4;
        jup_free(e->mapped);
        e->mapped = jup_new(e->mapped_capacity, 1);
    }
    size_t used = 0;
    for (size_t i = 0; i < word.length; i++) {
        char encoded[4];
        int n = jup_utf8_encode(jup_bpe_byte_to_char((unsigned char)word.data[i]), encoded);
        memcpy(e->mapped + used, encoded, (size_t)n);
        used += (size_t)n;
    }
    return jup_text(e->mapped, used);
}

/* A merged piece that is no token of its own comes out byte by byte. */
static void emit(encoder_t *e, jup_text_t piece)
{
    int32_t id = jup_tokenizer_find_plain(e->t, piece);
    if (id >= 0) {
        jup_tokens_add(e->tokens, id);
        return;
    }
    uint32_t code_point = 0;
    for (size_t at = 0; at < piece.length;) {
        at += (size_t)jup_utf8_decode(jup_text(piece.data + at, piece.length - at), &code_point);
        jup_tokens_add(e->tokens, e->t->byte_ids[jup_bpe_char_to_byte(code_point)]);
    }
}

static void encode_word(void *context, jup_text_t word)
{
    encoder_t *e = context;
    jup_text_t mapped = map_bytes(e, word);
    if (e->t->ignore_merges && jup_tokenizer_find_plain(e->t, mapped) >= 0) {
        emit(e, mapped);
        return;
    }
    jup_merger_run(&e->merger, mapped);
    for (int32_t i = 0; i >= 0; i = e->merger.symbols[i].next)
        emit(e, jup_text(e->merger.symbols[i].start, e->merger.symbols[i].length));
}

jup_status_t jup_tokenizer_bpe_encode(const jup_tokenizer_t *t, jup_text_t text,
                                      jup_tokens_t *tokens, jup_error_t *err)
{
    encoder_t e = {.t = t, .tokens = tokens};
    e.key = jup_new(t->longest_merge + 1, 1);
    jup_merger_init(&e.merger, merge_rule, &e);
    jup_status_t status = jup_pretokenizer_run(t->pretokenizer, text, encode_word, &e, err);
    jup_merger_reset(&e.merger);
    jup_free(e.key);
    jup_free(e.mapped);
    return status;
}
