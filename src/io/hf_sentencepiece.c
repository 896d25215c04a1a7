/*
 * tokenizer.model: SentencePiece's ModelProto in the encoding of protocol buffers. Fields read:
 * pieces (1: piece 1, score 2, type 3), trainer_spec (2: model_type 3, bos_id 41, eos_id 42),
 * normalizer_spec (3: add_dummy_prefix 3).
 */
#include "base/mem.h"
#include "io/hf.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNIGRAM = 1,
    BPE = 2,
    NORMAL = 1,
    UNKNOWN = 2,
    CONTROL = 3,
    USER_DEFINED = 4,
    UNUSED = 5,
    BYTE = 6,
    MOST_TOKENS = 1 << 24
};

typedef struct cursor {
    const unsigned char *at, *end;
} cursor_t;

/* One field: a number, or bytes. */
typedef struct field {
    uint64_t number; /* of the field */
    uint64_t value;
    cursor_t bytes;
} field_t;

typedef struct pieces {
    jup_text_t *texts;
    float *scores;
    int32_t *types;
    int64_t n, cap;
    int64_t model_type;
    bool prefix;
} pieces_t;

/* ---- protocol buffers ------------------------------------------------------------------------ */

static bool take_varint(cursor_t *c, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        unsigned char byte = *c->at++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Little endian, 4 or 8 bytes. */
static bool take_fixed(cursor_t *c, size_t bytes, uint64_t *value)
{
    *value = 0;
    if ((size_t)(c->end - c->at) < bytes)
        return false;
    memcpy(value, c->at, bytes);
    c->at += bytes;
    return true;
}

/* False at the end, and when the bytes make no field (*broken). */
static bool next_field(cursor_t *c, field_t *field, bool *broken)
{
    uint64_t key, length = 0;
    *field = (field_t){0};
    if (c->at == c->end)
        return false;
    *broken = true;
    if (!take_varint(c, &key))
        return false;
    field->number = key >> 3;
    switch (key & 7) {
    case 0:
        *broken = !take_varint(c, &field->value);
        break;
    case 1:
        *broken = !take_fixed(c, 8, &field->value);
        break;
    case 2:
        if (take_varint(c, &length) && length <= (uint64_t)(c->end - c->at)) {
            field->bytes = (cursor_t){c->at, c->at + length};
            c->at += length;
            *broken = false;
        }
        break;
    case 5:
        *broken = !take_fixed(c, 4, &field->value);
        break;
    default:
        break;
    }
    return !*broken;
}

/* ---- the model ------------------------------------------------------------------------------- */

static void add_piece(pieces_t *p, jup_text_t text, float score, int32_t type)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 1024;
        p->texts = jup_resize(p->texts, (size_t)p->cap, sizeof *p->texts);
        p->scores = jup_resize(p->scores, (size_t)p->cap, sizeof *p->scores);
        p->types = jup_resize(p->types, (size_t)p->cap, sizeof *p->types);
    }
    p->texts[p->n] = text;
    p->scores[p->n] = score;
    p->types[p->n++] = type;
}

static bool read_piece(pieces_t *p, cursor_t c)
{
    jup_text_t text = jup_text("", 0);
    float score = 0;
    int32_t type = NORMAL;
    field_t f;
    bool broken = false;
    while (next_field(&c, &f, &broken)) {
        if (f.number == 1 && f.bytes.at)
            text = jup_text((const char *)f.bytes.at, (size_t)(f.bytes.end - f.bytes.at));
        else if (f.number == 2)
            memcpy(&score, &f.value, sizeof score);
        else if (f.number == 3)
            type = f.value <= BYTE ? (int32_t)f.value : NORMAL;
    }
    add_piece(p, text, score, type);
    return !broken;
}

/* A number of a nested message. */
static bool read_number(cursor_t c, uint64_t number, uint64_t *value)
{
    field_t f;
    bool broken = false;
    while (next_field(&c, &f, &broken))
        if (f.number == number)
            *value = f.value;
    return !broken;
}

static bool read_model(pieces_t *p, cursor_t c)
{
    field_t f;
    bool broken = false, fine = true;
    uint64_t type = UNIGRAM, prefix = 1;
    while (fine && next_field(&c, &f, &broken)) {
        if (f.number == 1)
            fine = read_piece(p, f.bytes) && p->n < MOST_TOKENS;
        else if (f.number == 2)
            fine = read_number(f.bytes, 3, &type);
        else if (f.number == 3)
            fine = read_number(f.bytes, 3, &prefix);
    }
    p->model_type = (int64_t)type;
    p->prefix = prefix != 0;
    return fine && !broken && p->n > 0;
}

/* ---- tokens added beside the model ----------------------------------------------------------- */

static void add_token(pieces_t *p, int64_t id, const json_t *token)
{
    const json_t *content = json_object_get(token, "content");
    bool special = json_is_true(json_object_get(token, "special"));
    if (!json_is_string(content))
        return;
    while (p->n <= id)
        add_piece(p, jup_text("", 0), 0, UNUSED);
    if (p->types[id] == UNKNOWN || p->types[id] == BYTE)
        return;
    p->texts[id] = jup_text(json_string_value(content), json_string_length(content));
    p->types[id] = special ? CONTROL : USER_DEFINED;
}

static jup_status_t add_tokens(pieces_t *p, const char *name, const json_t *settings,
                               jup_error_t *err)
{
    const char *text;
    json_t *token, *added = json_object_get(settings, "added_tokens_decoder");
    int64_t tokens = p->n + (int64_t)json_object_size(added);
    json_object_foreach(added, text, token)
    {
        int64_t id = strtoll(text, NULL, 10);
        if (!jup_hf_id_fits(id, tokens))
            return jup_fail(err, JUP_EINPUT,
                            "%s: a token with the impossible id %.40s is added to it (\"added_"
                            "tokens_decoder\" in tokenizer_config.json); download it again",
                            name, text);
        add_token(p, id, token);
    }
    return JUP_OK;
}

static jup_status_t put_pieces(jup_gguf_writer_t *w, const char *name, pieces_t *p,
                               const json_t *settings, const json_t *config, jup_error_t *err)
{
    if (p->model_type != BPE)
        return jup_fail(err, JUP_EINPUT,
                        "%s: the SentencePiece model is of type %lld, only BPE (2) is supported",
                        name, (long long)p->model_type);
    JUP_TRY(add_tokens(p, name, settings, err));
    jup_gguf_put_text(w, "tokenizer.ggml.model", "llama");
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", p->texts, p->n);
    jup_gguf_put_array(w, "tokenizer.ggml.scores", JUP_GGUF_F32, p->scores, p->n);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, p->types, p->n);
    jup_gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", p->prefix);
    jup_hf_put_specials(w, p->texts, p->n, settings, config, true);
    return JUP_OK;
}

jup_status_t jup_hf_put_sentencepiece(jup_gguf_writer_t *w, const char *name, const void *data,
                                      size_t bytes, const json_t *settings, const json_t *config,
                                      jup_error_t *err)
{
    pieces_t p = {0};
    const unsigned char *start = data;
    jup_status_t status =
        read_model(&p, (cursor_t){start, start + bytes})
            ? put_pieces(w, name, &p, settings, config, err)
            : jup_fail(err, JUP_EINPUT,
                       "%s is no SentencePiece model, or damaged; download it again", name);
    jup_free(p.texts);
    jup_free(p.scores);
    jup_free(p.types);
    return status;
}
