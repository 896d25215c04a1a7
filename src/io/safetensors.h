/**
 * Reading safetensors files (format: 8 bytes with the length of a JSON header, the header, the
 * tensors). Used for prediction heads that come beside a model, and for
 * models in Hugging Face's layout.
 *
 * The file is mapped, so tensors take memory only once they are used. Everything the header claims
 * is checked when the file is opened; failures are JUP_EINPUT with path, tensor and value.
 */
#ifndef JUP_IO_SAFETENSORS_H
#define JUP_IO_SAFETENSORS_H

#include "base/status.h"
#include "tensor/dtype.h"

#include <stddef.h>
#include <stdint.h>

typedef struct jup_safetensors jup_safetensors_t;

enum { JUP_SAFETENSORS_MAX_DIMS = 8 };

typedef struct jup_safetensors_tensor {
    const char *name;
    const char *type_name;         /* "F16", "I64", ... as in the file */
    const jup_dtype_info_t *dtype; /* F32, F16 or BF16; NULL: any other */
    int n_dims;
    int64_t dims[JUP_SAFETENSORS_MAX_DIMS]; /* row-major: the last is contiguous */
    int64_t rows;                           /* product of all but the last; 1 for a vector */
    int64_t cols;                           /* the last; 1 for a scalar */
    size_t bytes;
    const void *data; /* in the mapped file, aligned to its elements; valid until close */
} jup_safetensors_tensor_t;

jup_status_t jup_safetensors_open(const char *path, jup_safetensors_t **out, jup_error_t *err);

/** The same for a file held in memory, which must outlive *out; `name` stands for the path. */
jup_status_t jup_safetensors_open_memory(const void *data, size_t bytes, const char *name,
                                         jup_safetensors_t **out, jup_error_t *err);

/** NULL is fine. */
void jup_safetensors_close(jup_safetensors_t *s);

const char *jup_safetensors_path(const jup_safetensors_t *s);

/** In the order of their data. */
int64_t jup_safetensors_count(const jup_safetensors_t *s);
const jup_safetensors_tensor_t *jup_safetensors_at(const jup_safetensors_t *s, int64_t i);

/** NULL when there is no such tensor. */
const jup_safetensors_tensor_t *jup_safetensors_find(const jup_safetensors_t *s, const char *name);

/** A tensor that must be there, of rows x cols and of a type that can be computed with. */
jup_status_t jup_safetensors_require(const jup_safetensors_t *s, const char *name, int64_t rows,
                                     int64_t cols, const jup_safetensors_tensor_t **out,
                                     jup_error_t *err);

/** Where a tensor's data begins in the file. */
uint64_t jup_safetensors_offset(const jup_safetensors_t *s, const jup_safetensors_tensor_t *tensor);

/** A text in the header's __metadata__, or NULL. */
const char *jup_safetensors_metadata(const jup_safetensors_t *s, const char *key);

#endif
