/**
 * Tables, texts and attributes in one HDF5 file. The hdf5_*.c files are the only ones that know
 * HDF5; its own error messages are silenced and become one line. Not for several threads at once.
 *
 * A table is an array of structs in memory and a compound data set in the file, described by its
 * columns. Objects are named by their path in the file, "/spans"; "/" is the file itself.
 */
#ifndef JUP_IO_HDF5_FILE_H
#define JUP_IO_HDF5_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum jup_column_type {
    JUP_COLUMN_F64,
    JUP_COLUMN_I64,
    JUP_COLUMN_I32,
    JUP_COLUMN_TEXT, /* char[size], padded with zeros, the last of them always zero */
} jup_column_type_t;

typedef struct jup_column {
    const char *name;
    jup_column_type_t type;
    size_t offset;    /* in the struct */
    size_t size;      /* of a text, with its zero; 0 for numbers */
    const char *unit; /* "s", "bytes"; NULL: none */
    double otherwise; /* read when the file has no such column (numbers only) */
} jup_column_t;

typedef struct jup_hdf5 jup_hdf5_t;

/* ---- whole files ------------------------------------------------------------------------------
 */

/** Begins a new file, which grows in memory. */
jup_status_t jup_hdf5_create(jup_hdf5_t **file, const char *path, jup_error_t *err);

/** Writes it (base/output.h): it is there whole or not at all. Frees `file`. */
jup_status_t jup_hdf5_finish(jup_hdf5_t *file, jup_error_t *err);

/** Opens a file to read. */
jup_status_t jup_hdf5_open(jup_hdf5_t **file, const char *path, jup_error_t *err);

/** Closes a file that was opened; forgets one that was created and not finished. NULL is fine. */
void jup_hdf5_close(jup_hdf5_t *file);

/* ---- writing ----------------------------------------------------------------------------------
 */

jup_status_t jup_hdf5_write_group(jup_hdf5_t *file, const char *path, jup_error_t *err);

/** A text as a scalar data set. */
jup_status_t jup_hdf5_write_text(jup_hdf5_t *file, const char *path, const char *text,
                                 jup_error_t *err);

/** rows: n structs of `stride` bytes. Compressed; units become attributes "<column>.unit". */
jup_status_t jup_hdf5_write_table(jup_hdf5_t *file, const char *path, const void *rows, size_t n,
                                  size_t stride, const jup_column_t *columns, size_t n_columns,
                                  jup_error_t *err);

/** Attributes of the object at `path`. */
jup_status_t jup_hdf5_set_text(jup_hdf5_t *file, const char *path, const char *key,
                               const char *text, jup_error_t *err);
jup_status_t jup_hdf5_set_number(jup_hdf5_t *file, const char *path, const char *key, double value,
                                 jup_error_t *err);
jup_status_t jup_hdf5_set_integer(jup_hdf5_t *file, const char *path, const char *key,
                                  int64_t value, jup_error_t *err);

/* ---- reading ----------------------------------------------------------------------------------
 */

bool jup_hdf5_has(jup_hdf5_t *file, const char *path);

/** *text is a new block for the caller to jup_free(). */
jup_status_t jup_hdf5_read_text(jup_hdf5_t *file, const char *path, char **text, jup_error_t *err);

/**
 * *rows: a new block of *n structs for the caller to jup_free(). Columns are found by name; one
 * that the file does not have gets its default, one that it has beyond these is left alone.
 */
jup_status_t jup_hdf5_read_table(jup_hdf5_t *file, const char *path, size_t stride,
                                 const jup_column_t *columns, size_t n_columns, void **rows,
                                 size_t *n, jup_error_t *err);

/** Whether there is such an attribute; *text is a new block then, for the caller to jup_free(). */
bool jup_hdf5_get_text(jup_hdf5_t *file, const char *path, const char *key, char **text);
bool jup_hdf5_get_number(jup_hdf5_t *file, const char *path, const char *key, double *value);

/** Calls `visit` with the name of each attribute of the object, in the order they were made. */
jup_status_t jup_hdf5_each_attribute(jup_hdf5_t *file, const char *path,
                                     void (*visit)(void *self, const char *key), void *self,
                                     jup_error_t *err);

#endif
