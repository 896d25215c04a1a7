/* Vocabulary, token types, special tokens and rules, from metadata; the same for every model. */
#include "base/mem.h"
#include "io/tokenizer_internal.h"

#include <string.h>

/* ---- vocabulary -------------------------------------------------------------------------- */

static jup_status_t load_texts(jup_tokenizer_t *t, jup_error_t *err)
{
    JUP_TRY(jup_gguf_get_texts(t->g, "tokenizer.ggml.tokens", &t->texts, err));
    if (!t->texts || t->texts->count == 0)
        return jup_tokenizer_fail(t, err,
                                  "the file holds no vocabulary (tokenizer.ggml.tokens); use a "
                                  "model that was converted with its tokenizer");
    if (t->texts->count > 1 << 28)
        return jup_tokenizer_fail(t, err, "tokenizer.ggml.tokens has %lld items, too many",
                                  (long long)t->texts->count);
    t->size = (int32_t)t->texts->count;
    jup_text_index_init(&t->by_text, (size_t)t->size);
    for (int32_t i = 0; i < t->size; i++)
        jup_text_index_put(&t->by_text, jup_gguf_item_text(t->texts, i), i);
    return JUP_OK;
}

static jup_status_t load_types(jup_tokenizer_t *t, jup_error_t *err)
{
    const jup_gguf_entry_t *types;
    JUP_TRY(jup_gguf_get_ints(t->g, "tokenizer.ggml.token_type", &types, err));
    if (types && types->count != t->size)
        return jup_tokenizer_fail(
            t, err,
            "tokenizer.ggml.token_type has %lld items for %d tokens; convert the model again",
            (long long)types->count, t->size);
    t->types = jup_new((size_t)t->size, 1);
    for (int32_t i = 0; i < t->size; i++) {
        int64_t type = types ? jup_gguf_item_int(types, i) : JUP_TOKEN_NORMAL;
        if (type < 0 || type > JUP_TOKEN_BYTE)
            return jup_tokenizer_fail(
                t, err,
                "tokenizer.ggml.token_type[%d] is %lld, expected 1 to 6; convert the model "
                "again",
                i, (long long)type);
        t->types[i] = type == 0 ? JUP_TOKEN_NORMAL : (uint8_t)type;
    }
    return JUP_OK;
}

/* ---- special ids ------------------------------------------------------------------------- */

/* The id under `key`, else the token that usually plays the role, else -1. */
static jup_status_t load_id(const jup_tokenizer_t *t, const char *key, const char *usual,
                            int32_t *id, jup_error_t *err)
{
    int64_t value;
    int32_t fallback = usual ? jup_tokenizer_find(t, usual) : -1;
    JUP_TRY(jup_gguf_get_int(t->g, key, 0, t->size - 1, fallback, &value, err));
    *id = (int32_t)value;
    return JUP_OK;
}

/* Tokens that end an answer, whatever the file calls EOS. */
static bool ends_by_name(const jup_tokenizer_t *t, int32_t id)
{
    static const char *const names[] = {
        "<|endoftext|>",
        "<|end_of_text|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|im_end|>",
        "<|end|>",
        "<end_of_turn>",
        "<EOT>",
        "_<EOT>",
        "[EOT]",
        "<|END_OF_TURN_TOKEN|>",
        "<|end_of_turn|>",
        "<|eot|>",
        "<|return|>",
        "<|EOT|>",
        "<end_of_utterance>",
        "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
    };
    jup_text_t text = jup_tokenizer_token_text(t, id);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (jup_text_equal(text, jup_text(names[i], strlen(names[i]))))
            return true;
    }
    return false;
}

/* Files without token types, or with wrong ones, still mean these as control tokens. */
static void mark_control(jup_tokenizer_t *t, int32_t id)
{
    if (id >= 0 && t->types[id] != JUP_TOKEN_UNKNOWN && t->types[id] != JUP_TOKEN_BYTE)
        t->types[id] = JUP_TOKEN_CONTROL;
}

static jup_status_t load_ends(jup_tokenizer_t *t, jup_error_t *err)
{
    int32_t ends[3];
    JUP_TRY(load_id(t, "tokenizer.ggml.eot_token_id", NULL, &ends[0], err));
    JUP_TRY(load_id(t, "tokenizer.ggml.eom_token_id", NULL, &ends[1], err));
    ends[2] = t->eos;
    t->eog = jup_new((size_t)t->size, sizeof *t->eog);
    for (int i = 0; i < 3; i++) {
        if (ends[i] >= 0)
            t->eog[ends[i]] = true;
    }
    for (int32_t id = 0; id < t->size; id++)
        t->eog[id] = t->eog[id] || ends_by_name(t, id);
    for (int32_t id = 0; id < t->size; id++)
        if (t->eog[id])
            mark_control(t, id);
    return JUP_OK;
}

static jup_status_t load_special_ids(jup_tokenizer_t *t, jup_error_t *err)
{
    bool spm = t->model == JUP_TOKENIZER_SPM;
    const char *end_of_text = "<|endoftext|>";
    JUP_TRY(load_id(t, "tokenizer.ggml.bos_token_id", spm ? "<s>" : end_of_text, &t->bos, err));
    JUP_TRY(load_id(t, "tokenizer.ggml.eos_token_id", spm ? "</s>" : end_of_text, &t->eos, err));
    JUP_TRY(load_id(t, "tokenizer.ggml.unknown_token_id", spm ? "<unk>" : NULL, &t->unknown, err));
    mark_control(t, t->bos);
    mark_control(t, t->eos);
    return load_ends(t, err);
}

/* ---- tokens looked for in the text ------------------------------------------------------- */

/* SentencePiece looks for what the user defined itself, between the merges. */
static bool is_special(const jup_tokenizer_t *t, int32_t id)
{
    uint8_t type = t->types[id];
    return type == JUP_TOKEN_CONTROL || type == JUP_TOKEN_UNKNOWN ||
           (type == JUP_TOKEN_USER_DEFINED && t->model == JUP_TOKENIZER_BPE);
}

static void load_specials(jup_tokenizer_t *t)
{
    jup_special_t *list = jup_new((size_t)t->size, sizeof *list);
    int32_t n = 0;
    for (int32_t id = 0; id < t->size; id++) {
        jup_text_t text = jup_tokenizer_token_text(t, id);
        bool control = t->types[id] != JUP_TOKEN_USER_DEFINED;
        if (is_special(t, id) && text.length > 0)
            list[n++] = (jup_special_t){text, id, control};
    }
    jup_specials_init(&t->specials, list, n);
}

/* Phi-3's own tokenizer strips what stands behind its special tokens; its files do not say so. */
static jup_status_t load_strip(jup_tokenizer_t *t, jup_error_t *err)
{
    const char *arch;
    JUP_TRY(jup_gguf_get_text(t->g, "general.architecture", "", &arch, err));
    t->specials_strip = t->model == JUP_TOKENIZER_SPM && strcmp(arch, "phi3") == 0;
    return JUP_OK;
}

jup_status_t jup_tokenizer_load_vocabulary(jup_tokenizer_t *t, jup_error_t *err)
{
    JUP_TRY(load_texts(t, err));
    JUP_TRY(load_types(t, err));
    JUP_TRY(load_special_ids(t, err));
    load_specials(t);
    return load_strip(t, err);
}

jup_status_t jup_tokenizer_load_rules(jup_tokenizer_t *t, jup_error_t *err)
{
    JUP_TRY(jup_gguf_get_bool(t->g, "tokenizer.ggml.add_bos_token", t->add_bos, &t->add_bos, err));
    JUP_TRY(jup_gguf_get_bool(t->g, "tokenizer.ggml.add_eos_token", false, &t->add_eos, err));
    t->add_bos = t->add_bos && t->bos >= 0;
    t->add_eos = t->add_eos && t->eos >= 0;
    return JUP_OK;
}
