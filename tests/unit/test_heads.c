/*
 * Draft heads against golden files: what they guess along the greedy text of a real model. The
 * embedded model's always; another one's when JUPITER_HEADS_MODEL names a GGUF file FILE-f16.gguf
 * with FILE-heads.safetensors and FILE-golden.json beside it.
 */
#include "base/mem.h"
#include "decode/heads.h"
#include "io/model_file.h"
#include "model/forward.h"
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

typedef struct model {
    jup_gguf_t *gguf;
    jup_config_t config;
    jup_weights_t weights;
    jup_compute_t compute;
    jup_forward_t forward;
    jup_heads_t heads;
    jup_step_t step;
} model_t;

enum { CONTEXT = 512 };

static void must(jup_status_t status, const jup_error_t *err)
{
    ck_assert_msg(status == JUP_OK, "%s", err->text);
}

static void open_model(model_t *m, const char *gguf, const char *heads)
{
    jup_error_t err;
    memset(m, 0, sizeof *m);
    must(jup_gguf_open(gguf, &m->gguf, &err), &err);
    must(jup_model_file_config(m->gguf, &m->config, &err), &err);
    jup_shard_t shard = {.first = 0, .last = m->config.layers, .embedding = true, .head = true};
    must(jup_model_file_load(m->gguf, &m->config, &shard, &m->weights, &err), &err);
    must(jup_compute_init(&m->compute, &jup_ops_blas, 1, &err), &err);
    jup_forward_limits_t limits = {.rows = CONTEXT,
                                   .outputs = CONTEXT,
                                   .kv_tokens = CONTEXT,
                                   .kv_dtype = JUP_F32,
                                   .residual_dtype = JUP_F32};
    must(jup_forward_init(&m->forward, &m->config, &m->weights, &m->compute, &limits, &err), &err);
    must(jup_heads_init(&m->heads, &m->compute, m->config.dim, m->config.vocab, CONTEXT, &err),
         &err);
    must(jup_heads_read(&m->heads, heads, &err), &err);
    jup_step_init(&m->step, CONTEXT);
}

static void close_model(model_t *m)
{
    jup_step_reset(&m->step);
    jup_heads_reset(&m->heads);
    jup_forward_reset(&m->forward);
    jup_compute_reset(&m->compute);
    jup_weights_reset(&m->weights);
    jup_gguf_close(m->gguf);
}

/* Appends an array's numbers to ids. */
static int32_t take_ids(const json_t *array, int32_t *ids, int32_t n)
{
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value) ids[n++] = (int32_t)json_integer_value(value);
    return n;
}

/* The first of two keys that is there: the two golden files name things differently. */
static const json_t *get(const json_t *object, const char *key, const char *other)
{
    const json_t *value = json_object_get(object, key);
    return value ? value : json_object_get(object, other);
}

/* How many of the golden candidates are the heads', in the same place. */
static void compare(model_t *m, const json_t *prompt, int *same, int *all)
{
    jup_error_t err;
    int32_t ids[CONTEXT], n_prompt = take_ids(get(prompt, "ids", "prompt_ids"), ids, 0);
    int32_t n = take_ids(get(prompt, "greedy", "generated_ids"), ids, n_prompt);
    const json_t *golden = get(prompt, "heads", "medusa_top3");
    jup_step_begin(&m->step, JUP_STEP_WORK, 0);
    jup_step_edit(&m->step, (jup_edit_t){.op = JUP_EDIT_DROP, .seq = 0}, NULL);
    jup_step_add(&m->step, 0, 0, ids, NULL, n - 1, n - n_prompt);
    must(jup_forward_begin(&m->forward, &m->step, &err), &err);
    jup_forward_embed(&m->forward, &m->step);
    jup_forward_layers(&m->forward, &m->step);
    jup_forward_head(&m->forward, &m->step);
    jup_guesses_t *guesses = jup_new((size_t)(n - n_prompt), sizeof *guesses);
    jup_heads_guess(&m->heads, m->forward.hidden, n - n_prompt, guesses);
    for (int32_t i = 0; i < n - n_prompt; i++)
        for (int32_t h = 0; h < m->heads.n; h++) {
            int32_t top[JUP_GUESS_WIDTH];
            int32_t k =
                take_ids(json_array_get(json_array_get(golden, (size_t)i), (size_t)h), top, 0);
            for (int32_t r = 0; r < k; r++, ++*all)
                *same += guesses[i].token[h][r] == top[r];
        }
    jup_free(guesses);
}

static void check_files(const char *gguf, const char *heads, const char *golden)
{
    model_t m;
    size_t i;
    int same = 0, all = 0;
    json_t *root = json_load_file(golden, 0, NULL), *prompt;
    ck_assert_msg(root != NULL, "cannot read %s", golden);
    open_model(&m, gguf, heads);
    json_array_foreach(json_object_get(root, "prompts"), i, prompt)
        compare(&m, prompt, &same, &all);
    json_decref(root);
    close_model(&m);
    /* the last bits of sums decide between candidates that are nearly alike */
    ck_assert_msg(all > 300 && same >= all - all / 100, "%d of %d guesses are the golden ones",
                  same, all);
    printf("%s: %d of %d guesses are the golden ones\n", gguf, same, all);
}

START_TEST(heads_guess_as_the_golden_file_says)
{
    char gguf[4096], heads[4096], golden[4096];
    const char *source = getenv("srcdir") ? getenv("srcdir") : ".";
    snprintf(gguf, sizeof gguf, "%s/data/demo/jupiter-demo-f16.gguf", source);
    snprintf(heads, sizeof heads, "%s/data/demo/jupiter-demo-heads.safetensors", source);
    snprintf(golden, sizeof golden, "%s/data/demo/golden.json", source);
    check_files(gguf, heads, golden);
}
END_TEST

START_TEST(heads_of_another_model_do_too)
{
    char gguf[4096], heads[4096], golden[4096];
    const char *base = getenv("JUPITER_HEADS_MODEL");
    if (!base)
        return;
    snprintf(gguf, sizeof gguf, "%s-f16.gguf", base);
    snprintf(heads, sizeof heads, "%s-heads.safetensors", base);
    snprintf(golden, sizeof golden, "%s-golden.json", base);
    check_files(gguf, heads, golden);
}
END_TEST

START_TEST(heads_of_the_wrong_size_are_refused)
{
    char path[4096];
    jup_heads_t heads;
    jup_compute_t compute;
    jup_error_t err;
    const char *source = getenv("srcdir") ? getenv("srcdir") : ".";
    snprintf(path, sizeof path, "%s/data/demo/jupiter-demo-heads.safetensors", source);
    must(jup_compute_init(&compute, &jup_ops_naive, 1, &err), &err);
    must(jup_heads_init(&heads, &compute, 64, 100, 1, &err), &err);
    ck_assert_int_eq(jup_heads_read(&heads, path, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "linear.weight"));
    ck_assert_int_eq(jup_heads_read(&heads, "/nonexistent", &err), JUP_EINPUT);
    jup_heads_reset(&heads);
    jup_compute_reset(&compute);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("heads");
    unit_add(s, heads_guess_as_the_golden_file_says, 120);
    unit_add(s, heads_of_another_model_do_too, 120);
    unit_add(s, heads_of_the_wrong_size_are_refused, 60);
    return s;
}

UNIT_MAIN(suite)
