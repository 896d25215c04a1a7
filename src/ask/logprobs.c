#include "ask/logprobs.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* An end of text has no bytes, but a name. */
static jup_text_t bytes_of(const jup_tokenizer_t *tokenizer, int32_t id)
{
    return jup_tokenizer_is_control(tokenizer, id) ? jup_tokenizer_token_text(tokenizer, id)
                                                   : jup_tokenizer_piece(tokenizer, id);
}

char *jup_logprobs_text(const jup_tokenizer_t *tokenizer, int32_t id)
{
    static const char unknown[] = "\xEF\xBF\xBD";
    jup_text_t bytes = bytes_of(tokenizer, id);
    json_t *whole = json_stringn(bytes.data ? bytes.data : "", bytes.length);
    char *text = jup_new(3 * bytes.length + 1, 1);
    size_t n = 0;
    if (whole)
        memcpy(text, bytes.data ? bytes.data : "", n = bytes.length);
    for (size_t i = 0; i < bytes.length && !whole; i++) {
        bool ascii = (unsigned char)bytes.data[i] < 0x80;
        memcpy(text + n, ascii ? &bytes.data[i] : unknown, ascii ? 1 : 3);
        n += ascii ? 1 : 3;
    }
    json_decref(whole);
    return text;
}

static json_t *json_token(const jup_tokenizer_t *tokenizer, int32_t id, float logprob)
{
    jup_text_t piece = bytes_of(tokenizer, id);
    char *text = jup_logprobs_text(tokenizer, id);
    json_t *bytes = json_array();
    for (size_t i = 0; i < piece.length; i++)
        json_array_append_new(bytes, json_integer((unsigned char)piece.data[i]));
    double number = isfinite(logprob) ? (double)logprob : -9999.0; /* JSON has no infinity */
    json_t *token = json_pack("{s:i, s:s, s:o, s:f}", "id", id, "token", text, "bytes", bytes,
                              "logprob", number);
    jup_free(text);
    return token;
}

json_t *jup_logprobs_json(const jup_answer_t *answer, int from, int to)
{
    const jup_tokenizer_t *tokenizer = answer->rules->tokenizer;
    json_t *list = json_array();
    for (int i = from; i < to && i < answer->n_likely && i < answer->n_tokens; i++) {
        const jup_likely_t *likely = &answer->likely[i];
        json_t *token = json_token(tokenizer, answer->tokens[i], likely->logprob);
        json_t *top = json_array();
        for (int32_t t = 0; t < likely->n; t++)
            json_array_append_new(top, json_token(tokenizer, likely->id[t], likely->logprobs[t]));
        json_object_set_new(token, "top_logprobs", top);
        json_array_append_new(list, token);
    }
    return list;
}
