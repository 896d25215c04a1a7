/** What the parts of the GGUF reader share. Nobody else includes this. */
#ifndef JUP_IO_GGUF_INTERNAL_H
#define JUP_IO_GGUF_INTERNAL_H

#include "io/gguf.h"
#include "io/text_index.h"

/** Address space from mmap. */
typedef struct jup_gguf_mapping {
    unsigned char *base;
    uint64_t offset; /* in the file, a multiple of the page size */
    size_t bytes;
    bool seldom, kept; /* see jup_gguf_keep() */
} jup_gguf_mapping_t;

struct jup_gguf {
    char *path;
    int fd;                    /* -1: in memory */
    const unsigned char *base; /* the header; in memory: the whole file */
    size_t mapped_header;      /* bytes at base to unmap; 0: in memory */
    uint64_t file_bytes;

    int version;
    uint64_t alignment;
    uint64_t data_offset;

    jup_gguf_entry_t *entries;
    size_t n_entries, cap_entries;
    jup_text_index_t entry_index;

    jup_gguf_tensor_t *tensors;
    size_t n_tensors, cap_tensors;
    jup_text_index_t tensor_index;

    jup_gguf_mapping_t *mappings;
    size_t n_mappings, cap_mappings;

    jup_gguf_t **more; /* n_more other files that hold tensors of this model, owned */
    int n_more;
    void *owned; /* the block at base, when it is ours */
};

/** An empty file in memory, and one of another format, of which only tensors are mapped. */
jup_gguf_t *jup_gguf_new_file(const char *path);
jup_status_t jup_gguf_open_raw(const char *path, jup_gguf_t **out, jup_error_t *err);

/** Opens one file, whatever it is a part of. */
jup_status_t jup_gguf_open_file(const char *path, jup_gguf_t **out, jup_error_t *err);

/** gguf_parts.c: opens the other parts of the model too; *g may be replaced. Closes it on failure.
 */
jup_status_t jup_gguf_join_parts(jup_gguf_t **g, jup_error_t *err);

/** Makes a file one of the model's and returns its number; file 0 is the model's own. */
int jup_gguf_adopt(jup_gguf_t *g, jup_gguf_t *file);
jup_gguf_t *jup_gguf_file(const jup_gguf_t *g, int file);

/** Adds a row to the table; the name is copied. JUP_EINPUT when there is one of that name. */
jup_status_t jup_gguf_add_tensor(jup_gguf_t *g, const jup_gguf_tensor_t *tensor, jup_error_t *err);

/** Reads and checks the header at base, of which `readable` bytes are there. */
jup_status_t jup_gguf_parse(jup_gguf_t *g, size_t readable, size_t *header_bytes, jup_error_t *err);

/** Gives back the mappings from number `first` on. */
void jup_gguf_unmap_from(jup_gguf_t *g, size_t first);

/** Checks that no two tensors share bytes. */
jup_status_t jup_gguf_check_overlap(const jup_gguf_t *g, jup_error_t *err);

/** Bytes of one value of a type of fixed size; 0 for strings, arrays and unknown types. */
size_t jup_gguf_type_bytes(unsigned type);

bool jup_gguf_type_is_int(unsigned type);

/** A jup_fail() with the path in front. */
jup_status_t jup_gguf_fail(const jup_gguf_t *g, jup_error_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
