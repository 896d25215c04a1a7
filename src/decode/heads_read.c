/* Draft heads from a safetensors file in the original Medusa layout. */
#include "base/mem.h"
#include "decode/heads.h"
#include "io/safetensors.h"

#include <stdio.h>
#include <string.h>

static const jup_safetensors_tensor_t *find(const jup_safetensors_t *file, int head,
                                            const char *rest, char name[64])
{
    static const char *const prefixes[] = {"medusa_head.", ""};
    const jup_safetensors_tensor_t *tensor = NULL;
    for (int i = 0; i < 2 && !tensor; i++) {
        snprintf(name, 64, "%s%d.%s", prefixes[i], head, rest);
        tensor = jup_safetensors_find(file, name);
    }
    return tensor;
}

static void *copy(jup_heads_t *heads, const void *data, size_t bytes)
{
    void *block = jup_new(bytes, 1);
    memcpy(block, data, bytes);
    heads->owned[heads->n_owned++] = block;
    return block;
}

static jup_status_t read_matrix(jup_heads_t *heads, const jup_safetensors_t *file, int head,
                                const char *rest, int64_t rows, jup_matrix_t *matrix,
                                jup_error_t *err)
{
    char name[64];
    const jup_safetensors_tensor_t *tensor;
    find(file, head, rest, name);
    JUP_TRY(jup_safetensors_require(file, name, rows, heads->dim, &tensor, err));
    *matrix = (jup_matrix_t){.dtype = tensor->dtype->dtype,
                             .rows = rows,
                             .cols = heads->dim,
                             .data = copy(heads, tensor->data, tensor->bytes)};
    return JUP_OK;
}

static jup_status_t read_bias(jup_heads_t *heads, const jup_safetensors_t *file, int head,
                              const float **bias, jup_error_t *err)
{
    char name[64];
    const jup_safetensors_tensor_t *tensor = find(file, head, "0.linear.bias", name);
    if (!tensor)
        return JUP_OK;
    if (!tensor->dtype || tensor->rows * tensor->cols != heads->dim)
        return jup_fail(err, JUP_EINPUT, "%s: %s must have %lld elements of F32, F16 or BF16",
                        jup_safetensors_path(file), name, (long long)heads->dim);
    float *values = jup_new((size_t)heads->dim, sizeof *values);
    jup_dequantize(tensor->dtype->dtype, tensor->data, values, heads->dim);
    heads->owned[heads->n_owned++] = values;
    *bias = values;
    return JUP_OK;
}

static jup_status_t read_heads(jup_heads_t *heads, const jup_safetensors_t *file, jup_error_t *err)
{
    char name[64];
    for (int i = 0; i < JUP_GUESS_DEPTH && find(file, i, "1.weight", name); i++) {
        jup_head_t *head = &heads->head[i];
        JUP_TRY(read_matrix(heads, file, i, "0.linear.weight", heads->dim, &head->hidden.w, err));
        JUP_TRY(read_bias(heads, file, i, &head->hidden.bias, err));
        JUP_TRY(read_matrix(heads, file, i, "1.weight", heads->vocab, &head->output.w, err));
        heads->n = i + 1;
    }
    if (heads->n == 0)
        return jup_fail(err, JUP_EINPUT, "%s holds no draft heads (medusa_head.0.1.weight)",
                        jup_safetensors_path(file));
    return JUP_OK;
}

jup_status_t jup_heads_read(jup_heads_t *heads, const char *path, jup_error_t *err)
{
    jup_safetensors_t *file;
    JUP_TRY(jup_safetensors_open(path, &file, err));
    jup_status_t status = read_heads(heads, file, err);
    jup_safetensors_close(file);
    return status;
}
