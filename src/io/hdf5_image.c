#include "base/mem.h"
#include "io/hdf5_inner.h"

#include <string.h>

/*
 * A file that grows in memory, and what is left of it when HDF5 has closed it. (HDF5's own
 * H5Fget_file_image spoils the checksum of the superblock since the 1.8 format.)
 */

static void *grow(jup_hdf5_image_t *image, void *from, size_t bytes)
{
    void *block;
    if (jup_alloc(&block, bytes, 1, "the run file", NULL) != JUP_OK)
        return NULL;
    if (from)
        memcpy(block, from, image->capacity < bytes ? image->capacity : bytes);
    jup_free(from);
    image->capacity = bytes;
    return block;
}

static void *image_malloc(size_t bytes, H5FD_file_image_op_t op, void *self)
{
    (void)op;
    return grow(self, NULL, bytes);
}

static void *image_realloc(void *block, size_t bytes, H5FD_file_image_op_t op, void *self)
{
    (void)op;
    return grow(self, block, bytes);
}

static void *image_memcpy(void *to, const void *from, size_t bytes, H5FD_file_image_op_t op,
                          void *self)
{
    (void)op, (void)self;
    return memcpy(to, from, bytes);
}

/* What would be lost when the file is closed is what we want. */
static herr_t image_free(void *block, H5FD_file_image_op_t op, void *self)
{
    jup_hdf5_image_t *image = self;
    if (op == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
        image->block = block;
    else
        jup_free(block);
    return 0;
}

static void *self_copy(void *self)
{
    return self;
}

static herr_t self_free(void *self)
{
    (void)self;
    return 0;
}

void jup_hdf5_image_use(jup_hdf5_image_t *image, hid_t access_list)
{
    const size_t growth_bytes = (size_t)1 << 20;
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = image_malloc,
        .image_memcpy = image_memcpy,
        .image_realloc = image_realloc,
        .image_free = image_free,
        .udata_copy = self_copy,
        .udata_free = self_free,
        .udata = image,
    };
    H5Pset_fapl_core(access_list, growth_bytes, false);
    H5Pset_file_image_callbacks(access_list, &callbacks);
}

size_t jup_hdf5_image_bytes(const jup_hdf5_image_t *image)
{
    enum { VERSION = 8, OFFSET_BYTES = 9, END = 28 }; /* fields of a superblock of version 2 or 3 */
    uint64_t end;
    const unsigned char *block = image->block;
    if (!block || image->capacity < END + sizeof end || block[VERSION] < 2 ||
        block[OFFSET_BYTES] != sizeof end)
        return 0;
    memcpy(&end, block + END, sizeof end);
    return end <= image->capacity ? (size_t)end : 0;
}
