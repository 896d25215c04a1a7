/**
 * Reading GGUF files, versions 2 and 3, little endian (format: the GGUF specification of GGML).
 *
 * Opening reads and checks the header only: metadata and the table of tensors. Tensor data stays
 * on disk until jup_gguf_map() asks for ranges of tensors, so that a rank's memory holds its own
 * part of its layers and nothing else. Everything a file claims is checked before it is believed;
 * every failure is JUP_EINPUT with the path, the field and the value.
 *
 * A jup_gguf_t is read-only after opening, apart from jup_gguf_map(), which is not thread safe.
 * All text and views handed out live until jup_gguf_close().
 */
#ifndef JUP_IO_GGUF_H
#define JUP_IO_GGUF_H

#include "base/status.h"
#include "io/text.h"
#include "tensor/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct jup_gguf jup_gguf_t;

/** Types of metadata values; the numbers are the file format's. */
typedef enum jup_gguf_type {
    JUP_GGUF_U8 = 0,
    JUP_GGUF_I8 = 1,
    JUP_GGUF_U16 = 2,
    JUP_GGUF_I16 = 3,
    JUP_GGUF_U32 = 4,
    JUP_GGUF_I32 = 5,
    JUP_GGUF_F32 = 6,
    JUP_GGUF_BOOL = 7,
    JUP_GGUF_STRING = 8,
    JUP_GGUF_ARRAY = 9,
    JUP_GGUF_U64 = 10,
    JUP_GGUF_I64 = 11,
    JUP_GGUF_F64 = 12,
} jup_gguf_type_t;

/** "u32", "string", ...; "unknown" for a number that is no type. */
const char *jup_gguf_type_name(unsigned type);

/** One metadata entry. */
typedef struct jup_gguf_entry {
    const char *key;
    jup_gguf_type_t type;
    jup_gguf_type_t item_type;    /* of an array; else the same as type */
    int64_t count;                /* items of an array; else 1 */
    const unsigned char *data;    /* the encoded value, or an array's first item */
    const char *text;             /* of a string: terminated copy */
    size_t text_length;           /* of a string */
    const uint32_t *text_offsets; /* of an array of strings: where in data each one starts */
} jup_gguf_entry_t;

/** One row of the tensor table. */
typedef struct jup_gguf_tensor {
    const char *name;
    int type;                      /* number in the file */
    const jup_dtype_info_t *dtype; /* NULL: a type this program cannot compute with */
    int n_dims;
    int64_t dims[4]; /* the file's order: dims[0] is contiguous; unused ones are 1 */
    int64_t rows;    /* dims[1] * dims[2] * dims[3] */
    int64_t cols;    /* dims[0] */
    int file;        /* which of the model's files holds the data; 0: the one that was opened */
    uint64_t offset; /* of the data, from the start of that file */
    size_t bytes;    /* of the data */
} jup_gguf_tensor_t;

/**
 * Opens a file, or the folder of a model in Hugging Face's layout (io/hf.h, version 0 then), and
 * checks its header; of a model in several parts, all of them, whichever is named:
 * then the metadata are those of the first, the tensors those of all. A tensor of a type that GGUF
 * defines but this program cannot compute with is listed with dtype NULL, and only jup_gguf_map()
 * refuses it.
 */
jup_status_t jup_gguf_open(const char *path, jup_gguf_t **out, jup_error_t *err);

/**
 * The same for a whole file held in memory, which must outlive *out and is not copied; `name`
 * stands for the path in messages. For fuzzing and for models that come over a network.
 */
jup_status_t jup_gguf_open_memory(const void *data, size_t bytes, const char *name,
                                  jup_gguf_t **out, jup_error_t *err);

/** Unmaps everything; NULL is fine. */
void jup_gguf_close(jup_gguf_t *g);

const char *jup_gguf_path(const jup_gguf_t *g);
int jup_gguf_version(const jup_gguf_t *g);

/** Of all files. */
uint64_t jup_gguf_file_bytes(const jup_gguf_t *g);

/** Where the tensor data starts, from the start of the file, and its alignment. */
uint64_t jup_gguf_data_offset(const jup_gguf_t *g);
uint64_t jup_gguf_alignment(const jup_gguf_t *g);

/* ---- metadata ---------------------------------------------------------------------------- */

int64_t jup_gguf_entry_count(const jup_gguf_t *g);
const jup_gguf_entry_t *jup_gguf_entry_at(const jup_gguf_t *g, int64_t i);

/** NULL when there is no such key. */
const jup_gguf_entry_t *jup_gguf_find(const jup_gguf_t *g, const char *key);

/**
 * A value on one line for people: strings quoted and shortened, arrays as "[n x type] first, ...".
 * Always terminated; control and non-UTF-8 bytes are escaped.
 */
void jup_gguf_entry_print(const jup_gguf_entry_t *entry, char *text, size_t text_bytes);

/**
 * Typed access. get: an absent key gives `fallback`. require: an absent key is an error. In both,
 * a key of another type or a value out of range is an error that names file, key and what was
 * found. Integers of any width and sign are taken for int; f32, f64 and integers for float.
 */
jup_status_t jup_gguf_get_int(const jup_gguf_t *g, const char *key, int64_t min, int64_t max,
                              int64_t fallback, int64_t *out, jup_error_t *err);
jup_status_t jup_gguf_get_float(const jup_gguf_t *g, const char *key, double fallback, double *out,
                                jup_error_t *err);
jup_status_t jup_gguf_get_bool(const jup_gguf_t *g, const char *key, bool fallback, bool *out,
                               jup_error_t *err);
jup_status_t jup_gguf_get_text(const jup_gguf_t *g, const char *key, const char *fallback,
                               const char **out, jup_error_t *err);

jup_status_t jup_gguf_require_int(const jup_gguf_t *g, const char *key, int64_t min, int64_t max,
                                  int64_t *out, jup_error_t *err);
jup_status_t jup_gguf_require_float(const jup_gguf_t *g, const char *key, double *out,
                                    jup_error_t *err);
jup_status_t jup_gguf_require_bool(const jup_gguf_t *g, const char *key, bool *out,
                                   jup_error_t *err);
jup_status_t jup_gguf_require_text(const jup_gguf_t *g, const char *key, const char **out,
                                   jup_error_t *err);

/**
 * Arrays: *out is NULL when the key is absent, an error when it is no array of the kind asked.
 * Items are read one by one with the functions below.
 */
jup_status_t jup_gguf_get_texts(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                                jup_error_t *err);
jup_status_t jup_gguf_get_ints(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                               jup_error_t *err);
jup_status_t jup_gguf_get_floats(const jup_gguf_t *g, const char *key, const jup_gguf_entry_t **out,
                                 jup_error_t *err);

/** Item i of an entry whose items are integers / floats (a u64 above INT64_MAX saturates). */
int64_t jup_gguf_item_int(const jup_gguf_entry_t *entry, int64_t i);
double jup_gguf_item_float(const jup_gguf_entry_t *entry, int64_t i);

/** Item i of an array of strings, inside the file. */
jup_text_t jup_gguf_item_text(const jup_gguf_entry_t *entry, int64_t i);

/* ---- tensors ----------------------------------------------------------------------------- */

int64_t jup_gguf_tensor_count(const jup_gguf_t *g);
const jup_gguf_tensor_t *jup_gguf_tensor_at(const jup_gguf_t *g, int64_t i);

/** NULL when there is no such tensor. */
const jup_gguf_tensor_t *jup_gguf_tensor(const jup_gguf_t *g, const char *name);

/** Like jup_gguf_tensor(), but an absent one is an error; one may ask for its shape. */
jup_status_t jup_gguf_require_listed(const jup_gguf_t *g, const char *name,
                                     const jup_gguf_tensor_t **out, jup_error_t *err);

/** The same, but one of a type without dtype is an error as well. */
jup_status_t jup_gguf_require_tensor(const jup_gguf_t *g, const char *name,
                                     const jup_gguf_tensor_t **out, jup_error_t *err);

/** Bytes [first, first + bytes) of a tensor's data. */
typedef struct jup_gguf_range {
    const jup_gguf_tensor_t *tensor;
    size_t first, bytes;
    bool seldom; /* not to be read from disk before it is asked for */
} jup_gguf_range_t;

jup_gguf_range_t jup_gguf_all(const jup_gguf_tensor_t *tensor);

/**
 * Maps the pages of `count` ranges of tensors of this file, read-only, neighbours together, and
 * starts reading them from disk. data[i] is the first byte of ranges[i], aligned as it is in the
 * file (a whole tensor to jup_gguf_alignment()), valid until jup_gguf_close(). May be called
 * several times. A tensor of an unsupported type is JUP_EINPUT; a mapping that fails is JUP_EENV.
 */
jup_status_t jup_gguf_map(jup_gguf_t *g, const jup_gguf_range_t *ranges, size_t count,
                          const void **data, jup_error_t *err);

/**
 * Reads what is mapped, but what is read seldom, into memory of this process's own, in huge pages,
 * which then lies where it was mapped: pointers stay good. What cannot be had so stays mapped, as
 * do mappings of less than two such pages (those below 4 MiB that one call of jup_gguf_map() made
 * count together) and all that is left when an interrupt comes. `shows` progress.
 * bytes_to_keep: how much it is.
 */
void jup_gguf_keep(jup_gguf_t *g, size_t huge_bytes, bool shows);
size_t jup_gguf_bytes_to_keep(const jup_gguf_t *g, size_t huge_bytes);

/** A range will be read soon: the system may fetch it meanwhile, with others. */
void jup_gguf_expect(const jup_gguf_t *g, jup_gguf_range_t range);

/** Copies a range to dst, without mapping it. JUP_EENV when the file cannot be read. */
jup_status_t jup_gguf_read(const jup_gguf_t *g, jup_gguf_range_t range, void *dst,
                           jup_error_t *err);

/** Bytes of address space that jup_gguf_map() holds, whole pages. */
size_t jup_gguf_mapped_bytes(const jup_gguf_t *g);

#endif
