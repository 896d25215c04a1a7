/** Small files for the tests of src/io, and memory that faults right behind its last byte. */
#ifndef JUP_TESTS_IO_SAMPLE_H
#define JUP_TESTS_IO_SAMPLE_H

#include "io/gguf_write.h"

/** The path of a file of this test process, below the working directory; `path` holds 256. */
const char *io_sample_path(char path[256], const char *name);

/** Reads a whole file; the caller frees it with jup_free(). */
unsigned char *io_sample_read(const char *path, size_t *bytes);
void io_sample_write(const char *path, const void *data, size_t bytes);

/** Room for `capacity` bytes in front of a page that may not be touched. */
typedef struct io_guarded {
    unsigned char *base;
    size_t mapped, usable;
} io_guarded_t;

void io_guarded_init(io_guarded_t *guarded, size_t capacity);
void io_guarded_reset(io_guarded_t *guarded);

/** Copies the bytes so that the last one is the last readable one. */
unsigned char *io_guarded_put(io_guarded_t *guarded, const void *data, size_t bytes);

/**
 * A SentencePiece vocabulary: 0 <unk>, 1 <s>, 2 </s>, 3 + b for byte b, then pieces from
 * IO_SPM_FIRST on, the order of which io_sample.c shows.
 */
enum { IO_SPM_FIRST = 259 };
void io_sample_put_spm(jup_gguf_writer_t *w);

/**
 * A byte-level vocabulary: id b for byte b, then merged pieces from 256 on, then the control
 * tokens <|endoftext|> and <|eot_id|> and the user-defined token <think>.
 */
void io_sample_put_bpe(jup_gguf_writer_t *w, const char *pre);

/** A byte in the alphabet of byte-level BPE, terminated. */
const char *io_sample_byte_char(unsigned char byte, char text[8]);

/** Makes a file with one of the two vocabularies and opens it; `pre` NULL: SentencePiece. */
jup_gguf_t *io_sample_vocabulary(const char *name, const char *pre);

#endif
