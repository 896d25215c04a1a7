/** What the hdf5_*.c files share. */
#ifndef JUP_IO_HDF5_INNER_H
#define JUP_IO_HDF5_INNER_H

#include "io/hdf5_file.h"

#include <hdf5.h>

struct jup_hdf5 {
    hid_t id;
    char *path;      /* as the user named it */
    char *temporary; /* where a new file grows; NULL for one opened to read */
};

/** Fails with "<path>: what: <HDF5's own innermost words>" and forgets HDF5's error stack. */
jup_status_t jup_hdf5_fail(const jup_hdf5_t *file, const char *what, jup_error_t *err);

/**
 * A type for texts of up to `bytes` bytes, which the caller closes. Texts have a fixed length each:
 * those of variable length live in a heap without checksums, where HDF5 trusts what it finds.
 */
hid_t jup_hdf5_text_type(size_t bytes);

/** Bytes of a text of this type; 0: it is not a text, or one of variable or absurd length. */
size_t jup_hdf5_text_bytes(hid_t type);

#endif
