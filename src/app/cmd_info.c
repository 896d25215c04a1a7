/* jupiter info: what a model file holds, and whether this program can run it. */
#include "app/commands.h"
#include "app/options.h"
#include "base/mem.h"
#include "io/digest.h"
#include "io/model_file.h"
#include "io/tokenizer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double mib(size_t bytes)
{
    return (double)bytes / 1048576.0;
}

static void print_types(const jup_gguf_t *g)
{
    enum { TYPES = 64 };
    int64_t tensors[TYPES] = {0};
    size_t bytes[TYPES] = {0};
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        int type = tensor->type >= 0 && tensor->type < TYPES ? tensor->type : TYPES - 1;
        tensors[type]++;
        bytes[type] += tensor->bytes;
    }
    printf("tensors        %" PRId64 ", %.2f million parameters\n", jup_gguf_tensor_count(g),
           (double)jup_model_file_parameters(g) / 1e6);
    for (int type = 0; type < TYPES; type++)
        if (tensors[type])
            printf("  %-8s     %" PRId64 " tensors, %.2f MiB%s\n", jup_dtype_any_name(type),
                   tensors[type], mib(bytes[type]), jup_dtype_info(type) ? "" : " (not supported)");
}

static void print_shape(const jup_config_t *c)
{
    printf("architecture   %s, \"%s\"\n", jup_family(c->arch)->name, c->name);
    printf("layers         %d\n", c->layers);
    printf("embedding      %d\n", c->dim);
    printf("heads          %d of length %d, %d for keys and values\n", c->heads, c->head_dim,
           c->kv_heads);
    if (c->experts)
        printf("feed-forward   %d experts of %d, a row uses %d\n", c->experts, c->ffn,
               c->experts_used);
    else
        printf("feed-forward   %d\n", c->ffn);
    printf("vocabulary     %d%s\n", c->vocab, c->tied ? ", output tied to the embedding" : "");
    printf("context        %d", c->context);
    if (c->window)
        printf(", sliding window of %d", c->window);
    if (c->window && c->window_period)
        printf(" except in every %d. layer", c->window_period);
    printf("\nrope           base %g, %d dimensions, %s pairs", (double)c->rope_base, c->rope_dim,
           c->rope_layout == JUP_ROPE_INTERLEAVED ? "neighbouring" : "half-way");
    if (c->rope_scale != 1)
        printf(", positions scaled by %g", (double)c->rope_scale);
    printf("\n");
}

static void print_bytes(const jup_gguf_t *g, const jup_config_t *c)
{
    size_t least = SIZE_MAX, most = 0;
    for (int layer = 0; layer < c->layers; layer++) {
        size_t bytes = jup_model_file_layer_bytes(g, layer);
        least = bytes < least ? bytes : least;
        most = bytes > most ? bytes : most;
    }
    printf("bytes          per layer %zu to %zu (%.2f to %.2f MiB)\n", least, most, mib(least),
           mib(most));
    printf("               embedding %zu, head %zu\n", jup_model_file_embedding_bytes(g),
           jup_model_file_head_bytes(g));
    printf("               KV cache per token and layer %zu in f16, %zu in f32\n",
           jup_config_kv_bytes(c, JUP_F16), jup_config_kv_bytes(c, JUP_F32));
}

static jup_status_t print_tokenizer(const jup_gguf_t *g, jup_error_t *err)
{
    jup_tokenizer_t *tokenizer;
    if (!jup_gguf_find(g, "tokenizer.ggml.model")) {
        printf("tokenizer      none\n");
        return JUP_OK;
    }
    JUP_TRY(jup_tokenizer_new(g, &tokenizer, err));
    printf("tokenizer      %s, %d tokens, begin %d, end %d\n", jup_tokenizer_kind(tokenizer),
           jup_tokenizer_vocab_size(tokenizer), jup_tokenizer_bos(tokenizer),
           jup_tokenizer_eos(tokenizer));
    jup_tokenizer_destroy(tokenizer);
    return JUP_OK;
}

static void print_metadata(const jup_gguf_t *g)
{
    char text[160];
    printf("\nmetadata\n");
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++) {
        const jup_gguf_entry_t *entry = jup_gguf_entry_at(g, i);
        jup_gguf_entry_print(entry, text, sizeof text);
        printf("  %-44s %s\n", entry->key, text);
    }
}

static void print_tensors(const jup_gguf_t *g)
{
    printf("\ntensors\n");
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *t = jup_gguf_tensor_at(g, i);
        printf("  %-32s %-7s %" PRId64 " x %" PRId64 "\n", t->name, jup_dtype_any_name(t->type),
               t->rows, t->cols);
    }
}

static jup_status_t describe(const char *path, bool all, jup_error_t *err)
{
    jup_gguf_t *g;
    JUP_TRY(jup_gguf_open(path, &g, err));
    if (jup_gguf_version(g))
        printf("file           %s, GGUF v%d, %.2f MiB\n", path, jup_gguf_version(g),
               mib(jup_gguf_file_bytes(g)));
    else
        printf("folder         %s, Hugging Face's layout, %.2f MiB\n", path,
               mib(jup_gguf_file_bytes(g)));
    jup_config_t config;
    jup_status_t status = JUP_OK;
    if (jup_gguf_tensor_count(g) > 0) {
        status = jup_model_file_config(g, &config, err);
        if (status == JUP_OK) {
            print_shape(&config);
            print_bytes(g, &config);
        }
        print_types(g);
    } else {
        printf("tensors        none: a vocabulary only\n");
    }
    if (status == JUP_OK)
        status = print_tokenizer(g, err);
    if (status == JUP_OK && jup_gguf_tensor_count(g) > 0)
        status = jup_model_file_check(g, &config, err);
    if (all) {
        print_metadata(g);
        print_tensors(g);
    }
    jup_gguf_close(g);
    return status;
}

static jup_status_t print_sum(const char *path, jup_error_t *err)
{
    jup_gguf_t *g;
    uint64_t sum;
    JUP_TRY(jup_gguf_open(path, &g, err));
    jup_status_t status = jup_digest_sum(g, &sum, err);
    jup_gguf_close(g);
    if (status == JUP_OK)
        printf("%016" PRIx64 "  %s\n", sum, path);
    return status;
}

int jup_cmd_info(int argc, const char **argv)
{
    char *model = NULL;
    int all = 0, digest = 0;
    jup_options_t options = {0};
    jup_error_t err;
    const struct poptOption table[] = {
        {"model", 'm', POPT_ARG_STRING, &model, 0, "the model, a GGUF file", "FILE"},
        {"all", 'a', POPT_ARG_NONE, &all, 0, "list all metadata and tensors", NULL},
        {"digest", 0, POPT_ARG_NONE, &digest, 0,
         "only a sum of all that the file holds, every byte read, to compare copies by", NULL},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status =
        jup_options_parse(&options, argc, argv, table, "-m FILE [--all | --digest]", false, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK && !model)
        status = jup_fail(&err, JUP_EINPUT, "no model given; use -m FILE");
    else if (status == JUP_OK && all && digest)
        status = jup_fail(&err, JUP_EINPUT, "both --all and --digest are given; use one of them");
    else if (status == JUP_OK)
        status = digest ? print_sum(model, &err) : describe(model, all, &err);
    jup_options_reset(&options);
    free(model);
    return status == JUP_OK ? 0 : jup_report(&err);
}
