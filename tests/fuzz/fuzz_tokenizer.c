/*
 * libFuzzer target. First byte below 6: the rest is text for one of six good vocabularies, and
 * has to come back as it was (but for SentencePiece's space in front and what Qwen composes). Else:
 * the second byte is the length of a text, then comes the text, then a GGUF file whose vocabulary
 * is used on it. The good vocabularies are vocab-0.gguf to vocab-5.gguf in the working directory.
 */
#include "io/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOOD = 6, SENTENCEPIECE = 0, QWEN = 3 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jup_tokenizer_t *good[GOOD];
static jup_gguf_t *good_files[GOOD];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (int i = 0; i < GOOD; i++) {
        char path[32];
        jup_error_t err;
        snprintf(path, sizeof path, "vocab-%d.gguf", i);
        if (jup_gguf_open(path, &good_files[i], &err) != JUP_OK ||
            jup_tokenizer_new(good_files[i], &good[i], &err) != JUP_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    return 0;
}

/* Decodes as a stream; everything that comes out has to be UTF-8. */
static void stream(const jup_tokenizer_t *t, const jup_tokens_t *tokens)
{
    jup_detokenizer_t d;
    jup_text_t out;
    jup_detokenizer_init(&d, t, true);
    for (size_t i = 0; i < tokens->count; i++) {
        out = jup_detokenizer_push(&d, tokens->ids[i]);
        if (jup_utf8_valid_prefix(out) != out.length)
            abort();
    }
    out = jup_detokenizer_finish(&d);
    if (jup_utf8_valid_prefix(out) != out.length)
        abort();
    jup_detokenizer_reset(&d);
}

static void compare(const jup_tokenizer_t *t, const jup_tokens_t *tokens, jup_text_t text)
{
    size_t at = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        jup_text_t piece = jup_tokenizer_piece(t, tokens->ids[i]);
        if (at + piece.length > text.length ||
            (piece.length && memcmp(piece.data, text.data + at, piece.length) != 0))
            abort();
        at += piece.length;
    }
    if (at != text.length)
        abort();
}

static void use(const jup_tokenizer_t *t, jup_text_t text, unsigned flags, bool exact)
{
    jup_tokens_t tokens = {0};
    jup_error_t err;
    if (jup_tokenizer_encode(t, text, flags, &tokens, &err) != JUP_OK)
        abort();
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.ids[i] < 0 || tokens.ids[i] >= jup_tokenizer_vocab_size(t))
            abort();
    }
    if (exact)
        compare(t, &tokens, text);
    stream(t, &tokens);
    jup_tokens_reset(&tokens);
}

static void use_file(const uint8_t *data, size_t size)
{
    size_t length = data[0] < size - 1 ? data[0] : size - 1;
    jup_gguf_t *g;
    jup_tokenizer_t *t;
    if (jup_gguf_open_memory(data + 1 + length, size - 1 - length, "fuzz", &g, NULL) != JUP_OK)
        return;
    if (jup_tokenizer_new(g, &t, NULL) == JUP_OK) {
        use(t, jup_text((const char *)data + 1, length),
            JUP_ENCODE_BOS | JUP_ENCODE_EOS | JUP_ENCODE_SPECIAL, false);
        jup_tokenizer_destroy(t);
    }
    jup_gguf_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    int which = data[0];
    jup_text_t text = jup_text((const char *)data + 1, size - 1);
    if (which >= GOOD) {
        use_file(data + 1, size - 1);
        return 0;
    }
    use(good[which], text, 0, which != SENTENCEPIECE && which != QWEN);
    use(good[which], text, JUP_ENCODE_BOS | JUP_ENCODE_SPECIAL, false);
    return 0;
}
