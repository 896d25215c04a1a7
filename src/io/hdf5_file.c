#include "io/hdf5_file.h"

#include "base/mem.h"
#include "base/output.h"
#include "io/hdf5_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- errors -----------------------------------------------------------------------------------
 */

static herr_t take_innermost(unsigned n, const H5E_error2_t *entry, void *self)
{
    char *text = self;
    if (n == 0 && entry->desc)
        snprintf(text, 200, "%s", entry->desc);
    return 0;
}

jup_status_t jup_hdf5_fail(const jup_hdf5_t *file, const char *what, jup_error_t *err)
{
    char text[200] = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, text);
    H5Eclear2(H5E_DEFAULT);
    if (file->writing)
        return jup_fail(err, JUP_EENV, "cannot write '%s': %s: %s", file->path, what, text);
    return jup_fail(err, JUP_EINPUT, "cannot read '%s': %s: %s; is the file damaged?", file->path,
                    what, text);
}

static void silence(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

hid_t jup_hdf5_text_type(size_t bytes)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, bytes ? bytes : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

size_t jup_hdf5_text_bytes(hid_t type)
{
    const size_t most = (size_t)64 << 20;
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
        return 0;
    size_t bytes = H5Tget_size(type);
    return bytes <= most ? bytes : 0;
}

/* ---- whole files ------------------------------------------------------------------------------
 */

static jup_hdf5_t *file_new(const char *path)
{
    jup_hdf5_t *file = jup_new(1, sizeof *file);
    file->id = H5I_INVALID_HID;
    file->path = jup_strdup(path);
    return file;
}

static void file_destroy(jup_hdf5_t *file)
{
    jup_free(file->path);
    jup_free(file->image.block);
    jup_free(file);
}

/*
 * The format of HDF5 1.8 has checksums on all that older ones would follow blindly, and every tool
 * of the last ten years reads it. Locks help nobody here and fail on some network file systems.
 */
static hid_t access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(list, false, true);
#endif
    return list;
}

/* In memory: an HDF5 that meets a full disk crashes when the program ends. */
jup_status_t jup_hdf5_create(jup_hdf5_t **file, const char *path, jup_error_t *err)
{
    *file = NULL;
    silence();
    jup_hdf5_t *made = file_new(path);
    made->writing = true;
    hid_t list = access_list();
    jup_hdf5_image_use(&made->image, list);
    made->id = H5Fcreate("run", H5F_ACC_TRUNC, H5P_DEFAULT, list);
    H5Pclose(list);
    if (made->id < 0) {
        jup_status_t status = jup_hdf5_fail(made, "the file cannot be made", err);
        file_destroy(made);
        return status;
    }
    *file = made;
    return JUP_OK;
}

jup_status_t jup_hdf5_finish(jup_hdf5_t *file, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    if (H5Fclose(file->id) < 0 || jup_hdf5_image_bytes(&file->image) == 0)
        status = jup_hdf5_fail(file, "the file cannot be completed", err);
    else
        status = jup_output_write(file->path, file->image.block, jup_hdf5_image_bytes(&file->image),
                                  err);
    file_destroy(file);
    return status;
}

jup_status_t jup_hdf5_open(jup_hdf5_t **file, const char *path, jup_error_t *err)
{
    *file = NULL;
    silence();
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0)
        return jup_fail(err, JUP_EINPUT, "cannot read '%s': %s", path, strerror(errno));
    close(fd);
    if (!S_ISREG(info.st_mode))
        return jup_fail(err, JUP_EINPUT, "cannot read '%s': it is not a plain file", path);
    if (H5Fis_hdf5(path) <= 0)
        return jup_fail(err, JUP_EINPUT, "'%s' is not an HDF5 file", path);

    jup_hdf5_t *opened = file_new(path);
    hid_t list = access_list();
    opened->id = H5Fopen(path, H5F_ACC_RDONLY, list);
    H5Pclose(list);
    if (opened->id < 0) {
        jup_status_t status = jup_hdf5_fail(opened, "the file cannot be opened", err);
        file_destroy(opened);
        return status;
    }
    *file = opened;
    return JUP_OK;
}

void jup_hdf5_close(jup_hdf5_t *file)
{
    if (!file)
        return;
    H5Fclose(file->id);
    H5Eclear2(H5E_DEFAULT);
    file_destroy(file);
}

bool jup_hdf5_has(jup_hdf5_t *file, const char *path)
{
    bool there = H5Lexists(file->id, path, H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return there;
}

/* ---- groups and texts -------------------------------------------------------------------------
 */

jup_status_t jup_hdf5_write_group(jup_hdf5_t *file, const char *path, jup_error_t *err)
{
    hid_t list = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    hid_t group = H5Gcreate2(file->id, path, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Pclose(list);
    if (group < 0)
        return jup_hdf5_fail(file, path, err);
    H5Gclose(group);
    return JUP_OK;
}

jup_status_t jup_hdf5_write_text(jup_hdf5_t *file, const char *path, const char *text,
                                 jup_error_t *err)
{
    hid_t type = jup_hdf5_text_type(strlen(text)), space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file->id, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = set < 0 ? -1 : H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
    jup_status_t status = written < 0 ? jup_hdf5_fail(file, path, err) : JUP_OK;
    if (set >= 0)
        H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

/* Bytes of the one text that the set holds, 0: it holds something else; and its character set. */
static size_t bytes_of_one_text(hid_t set, H5T_cset_t *cset)
{
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    size_t bytes = H5Sget_simple_extent_npoints(space) == 1 ? jup_hdf5_text_bytes(type) : 0;
    *cset = bytes ? H5Tget_cset(type) : H5T_CSET_UTF8;
    H5Tclose(type);
    H5Sclose(space);
    return bytes;
}

jup_status_t jup_hdf5_read_text(jup_hdf5_t *file, const char *path, char **text, jup_error_t *err)
{
    *text = NULL;
    hid_t set = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (set < 0)
        return jup_hdf5_fail(file, path, err);
    H5T_cset_t cset;
    size_t bytes = bytes_of_one_text(set, &cset);
    hid_t type = jup_hdf5_text_type(bytes);
    H5Tset_cset(type, cset);
    char *block = jup_new(bytes + 1, 1);
    herr_t read = bytes ? H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) : -1;
    jup_status_t status = read < 0 ? jup_hdf5_fail(file, path, err) : JUP_OK;
    H5Tclose(type);
    H5Dclose(set);
    if (status == JUP_OK)
        *text = block;
    else
        jup_free(block);
    return status;
}
