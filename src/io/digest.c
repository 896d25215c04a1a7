#include "io/digest.h"

#include "base/checksum.h"
#include "base/mem.h"
#include "io/gguf_internal.h"
#include "io/slice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, SAMPLES = 3, BLOCK = 1 << 20 };

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

/* Adds a range; buffer (BLOCK). */
static jup_status_t add_range(const jup_gguf_t *g, jup_gguf_range_t range, unsigned char *buffer,
                              uint64_t *sum, jup_error_t *err)
{
    jup_gguf_range_t part = range;
    for (size_t left = range.bytes; left > 0; left -= part.bytes, part.first += part.bytes) {
        part.bytes = left < BLOCK ? left : BLOCK;
        JUP_TRY(jup_gguf_read(g, part, buffer, err));
        *sum = jup_checksum(*sum, buffer, part.bytes);
    }
    return JUP_OK;
}

/* A page at its beginning, in its middle and at its end; or all of a small one. */
static int sample(const jup_gguf_tensor_t *tensor, jup_gguf_range_t ranges[SAMPLES])
{
    if (tensor->bytes <= SAMPLES * PAGE) {
        ranges[0] = (jup_gguf_range_t){.tensor = tensor, .bytes = tensor->bytes};
        return 1;
    }
    const size_t last = tensor->bytes - PAGE, firsts[SAMPLES] = {0, last / 2, last};
    for (int i = 0; i < SAMPLES; i++)
        ranges[i] = (jup_gguf_range_t){.tensor = tensor, .first = firsts[i], .bytes = PAGE};
    return SAMPLES;
}

/* What of tensor i goes into a digest, or all of it; none of types that cannot be computed with:
 * they cannot be read, and such a model does not run. */
static int ranges_of(const jup_gguf_t *g, int64_t i, bool all, jup_gguf_range_t ranges[SAMPLES])
{
    const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
    if (!tensor->dtype)
        return 0;
    ranges[0] = (jup_gguf_range_t){.tensor = tensor, .bytes = tensor->bytes};
    return all ? 1 : sample(tensor, ranges);
}

/* Hundreds of pages all over the file: one after the other each would cost what a disk needs to
 * find it. */
static void expect_samples(const jup_gguf_t *g)
{
    jup_gguf_range_t ranges[SAMPLES];
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++)
        for (int n = ranges_of(g, i, false, ranges); n-- > 0;)
            jup_gguf_expect(g, ranges[n]);
}

static jup_status_t add_tensors(const jup_gguf_t *g, bool all, uint64_t *sum, jup_error_t *err)
{
    jup_gguf_range_t ranges[SAMPLES];
    unsigned char *buffer = jup_new(BLOCK, 1);
    jup_status_t status = JUP_OK;
    if (!all)
        expect_samples(g);
    for (int64_t i = 0; i < jup_gguf_tensor_count(g) && status == JUP_OK; i++) {
        int n = ranges_of(g, i, all, ranges);
        for (int k = 0; k < n && status == JUP_OK; k++)
            status = add_range(g, ranges[k], buffer, sum, err);
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
