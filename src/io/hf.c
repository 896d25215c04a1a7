#include "io/hf.h"

#include "base/mem.h"
#include "io/gguf_internal.h"
#include "io/json_reason.h"
#include "io/safetensors.h"
#include "io/text_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FACTORS = 256, NAME_BYTES = 256 };

typedef struct reader {
    const char *folder;
    jup_gguf_t *g;
    json_t *config, *tokenizer, *settings;
    const char *arch;
    float *derived; /* tensors that are not in the files as we need them */
    size_t n_derived;
    int derived_file;
    jup_error_t *err;
} reader_t;

/* ---- files ----------------------------------------------------------------------------------- */

static bool path_in(const char *folder, const char *name, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX && access(path, F_OK) == 0;
}

jup_status_t jup_hf_read_json(const char *folder, const char *name, bool required, json_t **root,
                              jup_error_t *err)
{
    char path[PATH_MAX];
    json_error_t problem;
    *root = NULL;
    if (!path_in(folder, name, path))
        return required ? jup_fail(err, JUP_EINPUT,
                                   "%s is a folder without %s; give a GGUF file, or the folder of "
                                   "a model in Hugging Face's layout",
                                   folder, name)
                        : JUP_OK;
    *root = json_load_file(path, 0, &problem);
    if (!*root)
        return jup_fail(err, JUP_EINPUT, "%s:%d: %s", path, problem.line,
                        jup_json_reason(&problem));
    if (!json_is_object(*root))
        return jup_fail(err, JUP_EINPUT, "%s: a JSON object must stand here", path);
    return JUP_OK;
}

/* Younger layouts keep the chat template in a file of its own. */
static jup_status_t read_template(reader_t *r)
{
    char path[PATH_MAX], *text;
    size_t length;
    if (!r->settings)
        r->settings = json_object();
    if (json_object_get(r->settings, "chat_template") ||
        !path_in(r->folder, "chat_template.jinja", path))
        return JUP_OK;
    JUP_TRY(jup_text_read(path, JUP_TEXT_MOST_BYTES, "more than such a file has", &text, &length,
                          r->err));
    json_object_set_new(r->settings, "chat_template", json_stringn(text, length));
    jup_free(text);
    return JUP_OK;
}

static jup_status_t read_descriptions(reader_t *r)
{
    JUP_TRY(jup_hf_read_json(r->folder, "config.json", true, &r->config, r->err));
    JUP_TRY(jup_hf_read_json(r->folder, "tokenizer.json", false, &r->tokenizer, r->err));
    JUP_TRY(jup_hf_read_json(r->folder, "tokenizer_config.json", false, &r->settings, r->err));
    return read_template(r);
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* A SentencePiece model says more than what was made from it. */
static jup_status_t put_tokenizer(reader_t *r, jup_gguf_writer_t *w)
{
    char path[PATH_MAX], *data;
    size_t bytes;
    const json_t *model = json_object_get(r->tokenizer, "model");
    bool pieces = !r->tokenizer || json_is_true(json_object_get(model, "byte_fallback"));
    if (!pieces || !path_in(r->folder, "tokenizer.model", path))
        return r->tokenizer ? jup_hf_put_tokenizer(w, r->folder, r->tokenizer, r->settings,
                                                   r->config, r->err)
                            : JUP_OK;
    JUP_TRY(jup_file_read(path, &data, &bytes, r->err));
    jup_status_t status =
        jup_hf_put_sentencepiece(w, path, data, bytes, r->settings, r->config, r->err);
    jup_free(data);
    return status;
}

/* The metadata as a GGUF file in memory would have them. */
static jup_status_t make_header(reader_t *r)
{
    size_t bytes;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_status_t status = jup_hf_put_config(w, r->folder, r->config, &r->arch, r->err);
    if (status == JUP_OK)
        status = put_tokenizer(r, w);
    if (status == JUP_OK) {
        void *header = jup_gguf_writer_header(w, &bytes);
        status = jup_gguf_open_memory(header, bytes, r->folder, &r->g, r->err);
        if (status == JUP_OK) {
            r->g->owned = header;
            r->g->version = 0;
        } else {
            jup_free(header);
        }
    }
    jup_gguf_writer_destroy(w);
    return status;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void describe(const jup_safetensors_tensor_t *from, const char *name, int file,
                     uint64_t offset, jup_gguf_tensor_t *to)
{
    *to = (jup_gguf_tensor_t){.name = name,
                              .type = from->dtype ? (int)from->dtype->dtype : -1,
                              .dtype = from->dtype,
                              .n_dims = from->rows > 1 ? 2 : 1,
                              .dims = {from->cols, from->rows, 1, 1},
                              .rows = from->rows,
                              .cols = from->cols,
                              .file = file,
                              .offset = offset,
                              .bytes = from->bytes};
}

/* A vector of floats of our own making. */
static jup_status_t add_derived(reader_t *r, const char *name, const float *values, int64_t n)
{
    r->derived = jup_resize(r->derived, r->n_derived + (size_t)n, sizeof *r->derived);
    memcpy(r->derived + r->n_derived, values, (size_t)n * sizeof *values);
    const jup_gguf_tensor_t tensor = {.name = name,
                                      .type = JUP_F32,
                                      .dtype = jup_dtype_info(JUP_F32),
                                      .n_dims = 1,
                                      .dims = {n, 1, 1, 1},
                                      .rows = 1,
                                      .cols = n,
                                      .file = r->derived_file,
                                      .offset = r->n_derived * sizeof *values,
                                      .bytes = (size_t)n * sizeof *values};
    r->n_derived += (size_t)n;
    return jup_gguf_add_tensor(r->g, &tensor, r->err);
}

/* Gemma's norms are stored less one. */
static bool is_less_one(const reader_t *r, const char *name)
{
    static const char ending[] = "norm.weight";
    size_t n = strlen(name), m = sizeof ending - 1;
    return strncmp(r->arch, "gemma", 5) == 0 && n >= m && strcmp(name + n - m, ending) == 0;
}

static jup_status_t add_plus_one(reader_t *r, const char *name, const jup_safetensors_tensor_t *t)
{
    int64_t n = t->rows * t->cols;
    float *values = jup_new((size_t)n, sizeof *values);
    jup_dequantize(t->dtype->dtype, t->data, values, n);
    for (int64_t i = 0; i < n; i++)
        values[i] += 1;
    jup_status_t status = add_derived(r, name, values, n);
    jup_free(values);
    return status;
}

static jup_status_t add_tensor(reader_t *r, const jup_safetensors_t *s,
                               const jup_safetensors_tensor_t *t, int file)
{
    char name[NAME_BYTES];
    jup_gguf_tensor_t tensor;
    bool tied = json_is_true(json_object_get(r->config, "tie_word_embeddings"));
    if (!jup_hf_tensor_name(t->name, r->arch, name, sizeof name) ||
        (tied && strcmp(name, "output.weight") == 0))
        return JUP_OK;
    if (t->dtype && is_less_one(r, name))
        return add_plus_one(r, name, t);
    describe(t, name, file, jup_safetensors_offset(s, t), &tensor);
    return jup_gguf_add_tensor(r->g, &tensor, r->err);
}

static jup_status_t add_file(reader_t *r, const char *name)
{
    char path[PATH_MAX];
    jup_safetensors_t *s;
    jup_gguf_t *file;
    if (strchr(name, '/') || !path_in(r->folder, name, path))
        return jup_fail(r->err, JUP_EINPUT,
                        "%s/%.200s, which holds a part of the weights, is missing; copy or "
                        "download it to the same folder",
                        r->folder, name);
    JUP_TRY(jup_gguf_open_raw(path, &file, r->err));
    int number = jup_gguf_adopt(r->g, file);
    JUP_TRY(jup_safetensors_open(path, &s, r->err));
    jup_status_t status = JUP_OK;
    for (int64_t i = 0; i < jup_safetensors_count(s) && status == JUP_OK; i++)
        status = add_tensor(r, s, jup_safetensors_at(s, i), number);
    jup_safetensors_close(s);
    return status;
}

static bool was_named(const json_t *map, const char *until, const char *file)
{
    const char *tensor;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, tensor, value)
    {
        const char *other = json_string_value(value);
        if (strcmp(tensor, until) == 0)
            return false;
        if (other && strcmp(other, file) == 0)
            return true;
    }
    return false;
}

/* Each shard that the index names, once. */
static jup_status_t add_shards(reader_t *r, const json_t *index)
{
    const json_t *map = json_object_get(index, "weight_map");
    const char *tensor;
    json_t *value;
    if (json_object_size(map) == 0)
        return jup_fail(r->err, JUP_EINPUT,
                        "%s/model.safetensors.index.json: \"weight_map\" is missing or empty",
                        r->folder);
    json_object_foreach((json_t *)(uintptr_t)map, tensor, value)
    {
        const char *file = json_string_value(value);
        if (file && !was_named(map, tensor, file))
            JUP_TRY(add_file(r, file));
    }
    return JUP_OK;
}

static jup_status_t add_factors(reader_t *r, const char *which, const char *name)
{
    float factors[MOST_FACTORS];
    int n = jup_hf_rope_factors(r->config, which, factors, MOST_FACTORS);
    return n > 0 ? add_derived(r, name, factors, n) : JUP_OK;
}

static jup_status_t add_tensors(reader_t *r)
{
    json_t *index;
    r->derived_file = jup_gguf_adopt(r->g, jup_gguf_new_file("derived tensors"));
    JUP_TRY(add_factors(r, "llama3", "rope_freqs.weight"));
    JUP_TRY(add_factors(r, "long_factor", "rope_factors_long.weight"));
    JUP_TRY(add_factors(r, "short_factor", "rope_factors_short.weight"));
    JUP_TRY(jup_hf_read_json(r->folder, "model.safetensors.index.json", false, &index, r->err));
    jup_status_t status = index ? add_shards(r, index) : add_file(r, "model.safetensors");
    json_decref(index);
    return status;
}

jup_status_t jup_hf_open(const char *folder, jup_gguf_t **out, jup_error_t *err)
{
    reader_t r = {.folder = folder, .err = err};
    jup_status_t status = read_descriptions(&r);
    if (status == JUP_OK)
        status = make_header(&r);
    if (status == JUP_OK)
        status = add_tensors(&r);
    json_decref(r.config);
    json_decref(r.tokenizer);
    json_decref(r.settings);
    if (r.derived_file > 0) {
        jup_gguf_t *file = jup_gguf_file(r.g, r.derived_file);
        file->owned = r.derived;
        file->base = (const unsigned char *)r.derived;
        file->file_bytes = r.n_derived * sizeof *r.derived;
    }
    if (status != JUP_OK) {
        jup_gguf_close(r.g);
        r.g = NULL;
    }
    *out = r.g;
    return status;
}
