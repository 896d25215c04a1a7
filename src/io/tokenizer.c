#include "io/tokenizer.h"

#include "base/mem.h"
#include "io/tokenizer_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

jup_status_t jup_tokenizer_fail(const jup_tokenizer_t *t, jup_error_t *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return jup_fail(err, JUP_EINPUT, "%s: %s", jup_gguf_path(t->g), text);
}

/* ---- making ------------------------------------------------------------------------------ */

static jup_status_t read_model(jup_tokenizer_t *t, jup_error_t *err)
{
    const char *name;
    JUP_TRY(jup_gguf_get_text(t->g, "tokenizer.ggml.model", NULL, &name, err));
    char shown[80];
    if (!name)
        return jup_tokenizer_fail(t, err,
                                  "the file holds no tokenizer (tokenizer.ggml.model); use a model "
                                  "that was converted with its tokenizer");
    if (strcmp(name, "llama") == 0)
        t->model = JUP_TOKENIZER_SPM;
    else if (strcmp(name, "gpt2") == 0)
        t->model = JUP_TOKENIZER_BPE;
    else
        return jup_tokenizer_fail(
            t, err,
            "the tokenizer '%s' is not supported (supported: llama, a SentencePiece BPE; gpt2, a "
            "byte-level BPE)",
            jup_text_escape(jup_text(name, strlen(name)), shown, sizeof shown));
    t->add_bos = t->model == JUP_TOKENIZER_SPM;
    return JUP_OK;
}

static jup_status_t load(jup_tokenizer_t *t, jup_error_t *err)
{
    JUP_TRY(read_model(t, err));
    JUP_TRY(jup_tokenizer_load_vocabulary(t, err));
    if (t->model == JUP_TOKENIZER_SPM)
        JUP_TRY(jup_tokenizer_spm_load(t, err));
    else
        JUP_TRY(jup_tokenizer_bpe_load(t, err));
    JUP_TRY(jup_tokenizer_load_rules(t, err));
    return jup_tokenizer_decode_pieces(t, err);
}

jup_status_t jup_tokenizer_new(const jup_gguf_t *g, jup_tokenizer_t **out, jup_error_t *err)
{
    jup_tokenizer_t *t = jup_new(1, sizeof *t);
    t->g = g;
    jup_status_t status = load(t, err);
    if (status != JUP_OK) {
        jup_tokenizer_destroy(t);
        t = NULL;
    }
    *out = t;
    return status;
}

void jup_tokenizer_destroy(jup_tokenizer_t *t)
{
    if (!t)
        return;
    jup_pretokenizer_destroy(t->pretokenizer);
    jup_text_index_reset(&t->by_text);
    jup_text_index_reset(&t->merges);
    jup_free(t->types);
    jup_free(t->eog);
    jup_free(t->piece_bytes);
    jup_free(t->piece_offsets);
    jup_specials_reset(&t->specials);
    jup_specials_reset(&t->symbols);
    jup_free(t->symbol_bytes);
    jup_free(t->scores);
    jup_free(t);
}

/* ---- lists of ids ------------------------------------------------------------------------ */

void jup_tokens_reset(jup_tokens_t *tokens)
{
    jup_free(tokens->ids);
    memset(tokens, 0, sizeof *tokens);
}

void jup_tokens_add(jup_tokens_t *tokens, int32_t id)
{
    if (tokens->count == tokens->capacity) {
        tokens->capacity = tokens->capacity ? 2 * tokens->capacity : 64;
        tokens->ids = jup_resize(tokens->ids, tokens->capacity, sizeof *tokens->ids);
    }
    tokens->ids[tokens->count++] = id;
}

/* ---- questions --------------------------------------------------------------------------- */

jup_text_t jup_tokenizer_piece(const jup_tokenizer_t *t, int32_t id)
{
    if (id < 0 || id >= t->size)
        return jup_text("", 0);
    uint32_t start = t->piece_offsets[id];
    return jup_text(t->piece_bytes + start, t->piece_offsets[id + 1] - start);
}

jup_text_t jup_tokenizer_token_text(const jup_tokenizer_t *t, int32_t id)
{
    return id < 0 || id >= t->size ? jup_text("", 0) : jup_gguf_item_text(t->texts, id);
}

int32_t jup_tokenizer_find(const jup_tokenizer_t *t, const char *token_text)
{
    return jup_text_index_find(&t->by_text, jup_text(token_text, strlen(token_text)));
}

int32_t jup_tokenizer_find_plain(const jup_tokenizer_t *t, jup_text_t text)
{
    int32_t id = jup_text_index_find(&t->by_text, text);
    if (id < 0)
        return -1;
    uint8_t type = t->types[id];
    bool plain =
        type == JUP_TOKEN_NORMAL || type == JUP_TOKEN_USER_DEFINED || type == JUP_TOKEN_UNUSED;
    return plain ? id : -1;
}

int32_t jup_tokenizer_vocab_size(const jup_tokenizer_t *t)
{
    return t->size;
}

const char *jup_tokenizer_kind(const jup_tokenizer_t *t)
{
    return t->kind;
}

int32_t jup_tokenizer_bos(const jup_tokenizer_t *t)
{
    return t->bos;
}

int32_t jup_tokenizer_eos(const jup_tokenizer_t *t)
{
    return t->eos;
}

int32_t jup_tokenizer_unknown(const jup_tokenizer_t *t)
{
    return t->unknown;
}

bool jup_tokenizer_adds_bos(const jup_tokenizer_t *t)
{
    return t->add_bos;
}

bool jup_tokenizer_adds_eos(const jup_tokenizer_t *t)
{
    return t->add_eos;
}

bool jup_tokenizer_is_eog(const jup_tokenizer_t *t, int32_t id)
{
    return id >= 0 && id < t->size && t->eog[id];
}

bool jup_tokenizer_is_control(const jup_tokenizer_t *t, int32_t id)
{
    return id >= 0 && id < t->size && t->types[id] == JUP_TOKEN_CONTROL;
}
