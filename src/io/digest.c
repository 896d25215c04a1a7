#include "io/digest.h"

#include "base/checksum.h"
#include "base/mem.h"
#include "io/gguf_internal.h"
#include "io/slice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, BLOCK = 1 << 20 };

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- the header ------------------------------------------------------------------------------ */

/* How the model is cut into files is not the model. */
static bool is_of_the_model(const jup_gguf_entry_t *entry)
{
    return !starts_with(entry->key, "split.") && !starts_with(entry->key, "jupiter.slice.");
}

static uint64_t add_text(uint64_t sum, const char *text, size_t length)
{
    const uint64_t bytes = length; /* where it ends counts as well */
    return jup_checksum(jup_checksum(sum, &bytes, sizeof bytes), text, length);
}

static uint64_t add_number(uint64_t sum, int64_t number)
{
    return jup_checksum(sum, &number, sizeof number);
}

static uint64_t add_entry(uint64_t sum, const jup_gguf_entry_t *entry)
{
    sum = add_text(sum, entry->key, strlen(entry->key));
    sum = add_number(add_number(sum, entry->type), entry->item_type);
    sum = add_number(sum, entry->count);
    if (entry->type == JUP_GGUF_STRING)
        return add_text(sum, entry->text, entry->text_length);
    if (entry->item_type != JUP_GGUF_STRING)
        return jup_checksum(sum, entry->data,
                            (size_t)entry->count * jup_gguf_type_bytes(entry->item_type));
    for (int64_t i = 0; i < entry->count; i++) {
        jup_text_t text = jup_gguf_item_text(entry, i);
        sum = add_text(sum, text.data, text.length);
    }
    return sum;
}

static uint64_t sum_of_header(const jup_gguf_t *g)
{
    uint64_t sum = JUP_CHECKSUM_EMPTY;
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++)
        if (is_of_the_model(jup_gguf_entry_at(g, i)))
            sum = add_entry(sum, jup_gguf_entry_at(g, i));
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        sum = add_text(sum, tensor->name, strlen(tensor->name));
        sum = add_number(jup_checksum(sum, tensor->dims, sizeof tensor->dims), tensor->type);
    }
    return sum;
}

/* ---- the tensors ----------------------------------------------------------------------------- */

/* Adds bytes [first, first + bytes) of a tensor; buffer (BLOCK). */
static jup_status_t add_range(const jup_gguf_t *g, const jup_gguf_tensor_t *tensor, size_t first,
                              size_t bytes, unsigned char *buffer, uint64_t *sum, jup_error_t *err)
{
    while (bytes > 0) {
        size_t n = bytes < BLOCK ? bytes : BLOCK;
        const jup_gguf_range_t range = {.tensor = tensor, .first = first, .bytes = n};
        JUP_TRY(jup_gguf_read(g, range, buffer, err));
        *sum = jup_checksum(*sum, buffer, n);
        first += n;
        bytes -= n;
    }
    return JUP_OK;
}

/* A page at its beginning, in its middle and at its end. */
static jup_status_t add_sample(const jup_gguf_t *g, const jup_gguf_tensor_t *tensor,
                               unsigned char *buffer, uint64_t *sum, jup_error_t *err)
{
    if (tensor->bytes <= 3 * PAGE)
        return add_range(g, tensor, 0, tensor->bytes, buffer, sum, err);
    const size_t last = tensor->bytes - PAGE, firsts[] = {0, last / 2, last};
    for (int i = 0; i < 3; i++)
        JUP_TRY(add_range(g, tensor, firsts[i], PAGE, buffer, sum, err));
    return JUP_OK;
}

/* Tensors of types that cannot be computed with cannot be read; such a model does not run. */
static jup_status_t add_tensors(const jup_gguf_t *g, bool all, uint64_t *sum, jup_error_t *err)
{
    unsigned char *buffer = jup_new(BLOCK, 1);
    jup_status_t status = JUP_OK;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g) && status == JUP_OK; i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        if (tensor->dtype)
            status = all ? add_range(g, tensor, 0, tensor->bytes, buffer, sum, err)
                         : add_sample(g, tensor, buffer, sum, err);
    }
    jup_free(buffer);
    return status;
}

/* ---------------------------------------------------------------------------------------------- */

jup_status_t jup_digest(const jup_gguf_t *g, uint64_t *digest, jup_error_t *err)
{
    const char *whole;
    if (jup_gguf_get_text(g, JUP_SLICE_DIGEST, "", &whole, NULL) == JUP_OK && *whole) {
        *digest = strtoull(whole, NULL, 16); /* a slice knows the whole model's */
        return JUP_OK;
    }
    *digest = sum_of_header(g);
    return add_tensors(g, false, digest, err);
}

jup_status_t jup_digest_sum(const jup_gguf_t *g, uint64_t *sum, jup_error_t *err)
{
    *sum = sum_of_header(g);
    return add_tensors(g, true, sum, err);
}

jup_status_t jup_digest_check(const jup_gguf_t *g, uint64_t on_rank_0, jup_error_t *err)
{
    uint64_t digest;
    JUP_TRY(jup_digest(g, &digest, err));
    if (digest == on_rank_0)
        return JUP_OK;
    bool slice = jup_gguf_find(g, JUP_SLICE_DIGEST) != NULL;
    return jup_fail(err, JUP_EINPUT,
                    "%s is not %s on rank 0 (digest %016" PRIx64 ", there %016" PRIx64
                    "); copy the model to this host again",
                    jup_gguf_path(g), slice ? "a slice of the same model as" : "the same file as",
                    digest, on_rank_0);
}
