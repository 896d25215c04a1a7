/** What the hdf5_*.c files share. */
#ifndef JUP_IO_HDF5_INNER_H
#define JUP_IO_HDF5_INNER_H

#include "io/hdf5_file.h"

#include <hdf5.h>

/** A file in memory. */
typedef struct jup_hdf5_image {
    void *block; /* the file once it is closed, of counted memory; NULL before */
    size_t capacity;
} jup_hdf5_image_t;

struct jup_hdf5 {
    hid_t id;
    jup_hdf5_image_t image; /* of a new file */
    char *path;             /* as the user named it */
    bool writing;           /* a new file, not one opened to read */
};

/** Fails with "<path>: what: <HDF5's own innermost words>" and forgets HDF5's error stack. */
jup_status_t jup_hdf5_fail(const jup_hdf5_t *file, const char *what, jup_error_t *err);

/** Makes a file that is created with this list grow in the image, which stays where it is. */
void jup_hdf5_image_use(jup_hdf5_image_t *image, hid_t access_list);

/** Bytes of the file in the image of a closed file; 0: there is none. */
size_t jup_hdf5_image_bytes(const jup_hdf5_image_t *image);

/**
 * A type for texts of up to `bytes` bytes, which the caller closes. Texts have a fixed length each:
 * those of variable length live in a heap without checksums, where HDF5 trusts what it finds.
 */
hid_t jup_hdf5_text_type(size_t bytes);

/** Bytes of a text of this type; 0: it is not a text, or one of variable or absurd length. */
size_t jup_hdf5_text_bytes(hid_t type);

#endif
