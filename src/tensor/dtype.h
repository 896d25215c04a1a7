/**
 * Element types. Numbers are GGUF's, so that a type read from a file is used as it is.
 * A quantised type stores blocks of `block_elems` consecutive elements of a row in `block_bytes`.
 * Block layouts: the GGUF specification and the block structures of GGML (public format).
 */
#ifndef JUP_TENSOR_DTYPE_H
#define JUP_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum jup_dtype {
    JUP_F32 = 0,
    JUP_F16 = 1,
    JUP_Q4_0 = 2,
    JUP_Q4_1 = 3,
    JUP_Q5_0 = 6,
    JUP_Q5_1 = 7,
    JUP_Q8_0 = 8,
    JUP_Q2_K = 10,
    JUP_Q3_K = 11,
    JUP_Q4_K = 12,
    JUP_Q5_K = 13,
    JUP_Q6_K = 14,
    JUP_IQ4_NL = 20,
    JUP_IQ4_XS = 23,
    JUP_BF16 = 30,
} jup_dtype_t;

typedef struct jup_dtype_info {
    jup_dtype_t dtype;
    const char *name;
    int block_elems;
    int block_bytes;
} jup_dtype_info_t;

/** NULL for a type this program cannot compute with. */
const jup_dtype_info_t *jup_dtype_info(int gguf_type);

/**
 * Name and blocks of any type number that GGUF defines or has withdrawn, computed with or not;
 * NULL for others.
 */
const jup_dtype_info_t *jup_dtype_any(int gguf_type);

/** The name of such a type ("Q5_1", "IQ2_XS"...), or "unknown". */
const char *jup_dtype_any_name(int gguf_type);

/** Type i of those this program computes with; NULL past the last. */
const jup_dtype_info_t *jup_dtype_at(int i);

/** Name -> info, case-insensitively; NULL when unknown. */
const jup_dtype_info_t *jup_dtype_by_name(const char *name);

/** The names of all of them, "F32, F16, ... or BF16", for messages. */
typedef struct jup_dtype_names {
    char text[160];
} jup_dtype_names_t;
jup_dtype_names_t jup_dtype_names(void);

/** Bytes of `elems` consecutive elements (a multiple of the block). */
size_t jup_dtype_bytes(jup_dtype_t dtype, int64_t elems);

/** Plain decoding by definition: dst[elems] = the elements of the blocks at src. */
void jup_dequantize(jup_dtype_t dtype, const void *src, float *dst, int64_t elems);

/** Rounding to the type's blocks, BF16 to the nearest even (all types above). */
void jup_quantize(jup_dtype_t dtype, const float *src, void *dst, int64_t elems);

/** Half precision, round to nearest even, vectorised where the machine allows. */
void jup_f32_to_f16(const float *src, uint16_t *dst, int64_t n);
void jup_f16_to_f32(const uint16_t *src, float *dst, int64_t n);
float jup_half_to_float(uint16_t h);
uint16_t jup_float_to_half(float f);

#endif
