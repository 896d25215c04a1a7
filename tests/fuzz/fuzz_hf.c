/*
 * libFuzzer target: the files of a folder in Hugging Face's layout. First byte: 0 a SentencePiece
 * model, 1 tokenizer.json, else config.json; whatever is accepted becomes a header that has to be
 * readable, and a tokenizer that has to be usable or refused.
 */
#include "base/mem.h"
#include "io/hf.h"
#include "io/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_header(jup_gguf_writer_t *w)
{
    size_t bytes;
    jup_error_t err;
    jup_gguf_t *g;
    jup_tokenizer_t *t;
    void *header = jup_gguf_writer_header(w, &bytes);
    if (jup_gguf_open_memory(header, bytes, "fuzz", &g, &err) == JUP_OK) {
        if (jup_tokenizer_new(g, &t, &err) == JUP_OK) {
            jup_tokens_t tokens = {0};
            jup_tokenizer_encode(t, jup_text("hello <s>\n1", 11), JUP_ENCODE_SPECIAL, &tokens,
                                 &err);
            jup_tokens_reset(&tokens);
            jup_tokenizer_destroy(t);
        }
        jup_gguf_close(g);
    }
    jup_free(header);
}

static jup_status_t put(jup_gguf_writer_t *w, int which, const uint8_t *data, size_t size,
                        jup_error_t *err)
{
    const char *arch;
    float factors[8];
    if (which == 0)
        return jup_hf_put_sentencepiece(w, "fuzz", data, size, NULL, NULL, err);
    json_t *root = json_loadb((const char *)data, size, 0, NULL);
    jup_status_t status = JUP_EINPUT;
    if (json_is_object(root) && which == 1)
        status =
            jup_hf_put_tokenizer(w, "fuzz", root, json_object_get(root, "settings"), root, err);
    else if (json_is_object(root))
        status = jup_hf_put_config(w, "fuzz", root, &arch, err);
    if (json_is_object(root))
        jup_hf_rope_factors(root, "llama3", factors, 8);
    json_decref(root);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jup_error_t err;
    if (size < 1)
        return 0;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    if (put(w, data[0], data + 1, size - 1, &err) == JUP_OK)
        use_header(w);
    jup_gguf_writer_destroy(w);
    return 0;
}
