/**
 * Writing GGUF files, version 3, little endian. Metadata and the tensor table are collected first;
 * saving then asks for the tensor data a few rows at a time, so that a model larger than memory
 * can be made or copied. A key or tensor that is put twice is a bug of the caller.
 */
#ifndef JUP_IO_GGUF_WRITE_H
#define JUP_IO_GGUF_WRITE_H

#include "io/gguf.h"

typedef struct jup_gguf_writer jup_gguf_writer_t;

jup_gguf_writer_t *jup_gguf_writer_new(void);
void jup_gguf_writer_destroy(jup_gguf_writer_t *w);

/* ---- metadata; keys and values are copied ------------------------------------------------- */

/** `type` is any integer type that holds the value / f32 or f64. */
void jup_gguf_put_int(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t type, int64_t value);
void jup_gguf_put_float(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t type, double value);
void jup_gguf_put_bool(jup_gguf_writer_t *w, const char *key, bool value);
void jup_gguf_put_text(jup_gguf_writer_t *w, const char *key, const char *value);

/** An array of `count` numbers or bools as they lie in memory (int32_t for JUP_GGUF_I32, ...). */
void jup_gguf_put_array(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t item_type,
                        const void *items, int64_t count);
void jup_gguf_put_texts(jup_gguf_writer_t *w, const char *key, const jup_text_t *items,
                        int64_t count);

/** An entry of another file, as it is. */
void jup_gguf_put_entry(jup_gguf_writer_t *w, const jup_gguf_entry_t *entry);

/* ---- tensors ----------------------------------------------------------------------------- */

/** Fills dst with rows [row, row + rows) of the tensor, encoded in its type. */
typedef jup_status_t (*jup_gguf_fill_t)(void *context, const jup_gguf_tensor_t *tensor, int64_t row,
                                        int64_t rows, void *dst, jup_error_t *err);

/** dims as in the file: dims[0] is the row length, a multiple of the type's block. */
void jup_gguf_put_tensor(jup_gguf_writer_t *w, const char *name, jup_dtype_t dtype, int n_dims,
                         const int64_t *dims, jup_gguf_fill_t fill, void *context);

/** A tensor whose encoded data is in memory; it must stay there until the file is saved. */
void jup_gguf_put_tensor_data(jup_gguf_writer_t *w, const char *name, jup_dtype_t dtype, int n_dims,
                              const int64_t *dims, const void *data);

/** For made-up models: uniform in center +- spread; every row depends on seed, name and row. */
typedef struct jup_gguf_random {
    uint64_t seed;
    float center, spread;
} jup_gguf_random_t;

/** A jup_gguf_fill_t; context is a jup_gguf_random_t. */
jup_status_t jup_gguf_fill_random(void *context, const jup_gguf_tensor_t *tensor, int64_t row,
                                  int64_t rows, void *dst, jup_error_t *err);

/** The header alone, as it would stand in the file: a new block. */
void *jup_gguf_writer_header(const jup_gguf_writer_t *w, size_t *bytes);

/**
 * Writes the file; it appears at `path` only when it is complete. JUP_EINPUT when it cannot be
 * created, JUP_EENV when writing fails, or what a fill function returned.
 */
jup_status_t jup_gguf_save(jup_gguf_writer_t *w, const char *path, jup_error_t *err);

#endif
