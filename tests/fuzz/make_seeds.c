/*
 * make_seeds FOLDER: writes the first inputs of the fuzz targets, made with our own writer, to
 * FOLDER/gguf, FOLDER/safetensors and FOLDER/tokenizer, and vocab-0.gguf to vocab-5.gguf.
 */
#include "base/mem.h"
#include "io/gguf_write.h"
#include "io_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *folder;

static const char *at(char path[512], const char *name)
{
    snprintf(path, 512, "%s/%s", folder, name);
    return path;
}

static void save(jup_gguf_writer_t *w, const char *name)
{
    char path[512];
    jup_error_t err;
    if (jup_gguf_save(w, at(path, name), &err) != JUP_OK) {
        fprintf(stderr, "make_seeds: %s\n", err.text);
        exit(1);
    }
    jup_gguf_writer_destroy(w);
}

static void save_model(const char *name)
{
    static jup_gguf_random_t random = {.seed = 1, .center = 0, .spread = 1};
    static const int8_t ints[] = {-1, 2};
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_gguf_put_text(w, "general.architecture", "llama");
    jup_gguf_put_int(w, "general.alignment", JUP_GGUF_U32, 32);
    jup_gguf_put_int(w, "llama.block_count", JUP_GGUF_U64, 2);
    jup_gguf_put_float(w, "llama.rope.freq_base", JUP_GGUF_F32, 10000);
    jup_gguf_put_float(w, "double", JUP_GGUF_F64, -1);
    jup_gguf_put_bool(w, "bool", true);
    jup_gguf_put_array(w, "ints", JUP_GGUF_I8, ints, 2);
    jup_gguf_put_texts(w, "texts", (jup_text_t[]){{"one", 3}, {"two", 3}}, 2);
    jup_gguf_put_tensor(w, "a.weight", JUP_F32, 2, (int64_t[]){8, 3}, jup_gguf_fill_random,
                        &random);
    jup_gguf_put_tensor(w, "b.weight", JUP_Q8_0, 3, (int64_t[]){32, 1, 2}, jup_gguf_fill_random,
                        &random);
    jup_gguf_put_tensor(w, "c.weight", JUP_Q4_K, 1, (int64_t[]){256}, jup_gguf_fill_random,
                        &random);
    save(w, name);
}

/* NULL: SentencePiece. */
static const char *const pres[] = {NULL, "gpt-2", "llama-bpe", "qwen2", "tekken", "deepseek-llm"};

static void save_vocabularies(void)
{
    for (int i = 0; i < 6; i++) {
        char name[32];
        jup_gguf_writer_t *w = jup_gguf_writer_new();
        if (pres[i])
            io_sample_put_bpe(w, pres[i]);
        else
            io_sample_put_spm(w);
        snprintf(name, sizeof name, "vocab-%d.gguf", i);
        save(w, name);
    }
}

static void save_safetensors(void)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
        "\"b\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[24,36]}} ";
    unsigned char file[8 + sizeof header - 1 + 36] = {sizeof header - 1};
    char path[512];
    memcpy(file + 8, header, sizeof header - 1);
    io_sample_write(at(path, "safetensors/good"), file, sizeof file);
}

/* Few tokens: a vocabulary that is read anew for every input. */
static jup_gguf_writer_t *make_small_vocabulary(const char *pre)
{
    static const jup_text_t texts[] = {{"<unk>", 5}, {"<s>", 3},    {"a", 1},
                                       {"b", 1},     {"ab", 2},     {"\xE2\x96\x81", 3},
                                       {"abb", 3},   {"<0x41>", 6}, {"<think>", 7}};
    static const jup_text_t merges[] = {{"a b", 3}, {"ab b", 4}};
    static const int32_t types[] = {2, 3, 1, 1, 1, 1, 1, 6, 4};
    static const float scores[] = {0, 0, -1, -2, -3, -4, -5, 0, 0};
    enum { TOKENS = sizeof texts / sizeof *texts };
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_gguf_put_text(w, "tokenizer.ggml.model", pre ? "gpt2" : "llama");
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", texts, TOKENS);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, types, TOKENS);
    jup_gguf_put_int(w, "tokenizer.ggml.unknown_token_id", JUP_GGUF_U32, 0);
    jup_gguf_put_int(w, "tokenizer.ggml.bos_token_id", JUP_GGUF_U32, 1);
    if (pre) {
        jup_gguf_put_text(w, "tokenizer.ggml.pre", pre);
        jup_gguf_put_texts(w, "tokenizer.ggml.merges", merges, 2);
    } else {
        jup_gguf_put_array(w, "tokenizer.ggml.scores", JUP_GGUF_F32, scores, TOKENS);
    }
    return w;
}

/* One input for every good vocabulary, and small vocabularies as files of their own. */
static void save_texts(void)
{
    static const char text[] = "xhello world, it'S 12345\n\n \xC3\xA9\xE4\xB8\x96 <s>[X]<|eot_id|>";
    for (int i = 0; i < 6; i++) {
        char name[64], path[512], input[sizeof text];
        size_t bytes;
        memcpy(input, text, sizeof text);
        input[0] = (char)i;
        snprintf(name, sizeof name, "tokenizer/text-%d", i);
        io_sample_write(at(path, name), input, sizeof text - 1);

        save(make_small_vocabulary(pres[i]), "small");
        unsigned char *file = io_sample_read(at(path, "small"), &bytes);
        unsigned char *whole = jup_new(bytes + 10, 1);
        memcpy(whole,
               "\xFF\x08"
               "abba <s>",
               10);
        memcpy(whole + 10, file, bytes);
        snprintf(name, sizeof name, "tokenizer/file-%d", i);
        io_sample_write(at(path, name), whole, bytes + 10);
        jup_free(whole);
        jup_free(file);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_seeds FOLDER\n");
        return 2;
    }
    folder = argv[1];
    static const char *const folders[] = {"", "gguf", "safetensors", "tokenizer"};
    for (int i = 0; i < 4; i++) {
        char path[512];
        mkdir(at(path, folders[i]), 0777);
    }
    save_model("gguf/model");
    save_vocabularies();
    save_safetensors();
    save_texts();
    return 0;
}
