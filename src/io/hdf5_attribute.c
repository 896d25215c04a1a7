#include "base/mem.h"
#include "io/hdf5_inner.h"

#include <string.h>

static jup_status_t set(jup_hdf5_t *file, const char *path, const char *key, hid_t type,
                        const void *value, jup_error_t *err)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate_by_name(file->id, path, key, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = attribute < 0 ? -1 : H5Awrite(attribute, type, value);
    jup_status_t status = written < 0 ? jup_hdf5_fail(file, key, err) : JUP_OK;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return status;
}

jup_status_t jup_hdf5_set_text(jup_hdf5_t *file, const char *path, const char *key,
                               const char *text, jup_error_t *err)
{
    hid_t type = jup_hdf5_text_type(strlen(text));
    jup_status_t status = set(file, path, key, type, text, err);
    H5Tclose(type);
    return status;
}

jup_status_t jup_hdf5_set_number(jup_hdf5_t *file, const char *path, const char *key, double value,
                                 jup_error_t *err)
{
    return set(file, path, key, H5T_NATIVE_DOUBLE, &value, err);
}

jup_status_t jup_hdf5_set_integer(jup_hdf5_t *file, const char *path, const char *key,
                                  int64_t value, jup_error_t *err)
{
    return set(file, path, key, H5T_NATIVE_INT64, &value, err);
}

/* The attribute if it is there and one value; the caller closes it and its *type. */
static hid_t open_single(jup_hdf5_t *file, const char *path, const char *key, hid_t *type)
{
    if (H5Aexists_by_name(file->id, path, key, H5P_DEFAULT) <= 0)
        return H5I_INVALID_HID;
    hid_t attribute = H5Aopen_by_name(file->id, path, key, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0)
        return attribute;
    hid_t space = H5Aget_space(attribute);
    bool single = H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    if (!single) {
        H5Aclose(attribute);
        return H5I_INVALID_HID;
    }
    *type = H5Aget_type(attribute);
    return attribute;
}

static char *read_text(hid_t attribute, hid_t type)
{
    size_t bytes = jup_hdf5_text_bytes(type);
    char *text = jup_new(bytes + 1, 1);
    hid_t as = jup_hdf5_text_type(bytes);
    H5Tset_cset(as, H5Tget_cset(type));
    if (bytes == 0 || H5Aread(attribute, as, text) < 0) {
        jup_free(text);
        text = NULL;
    }
    H5Tclose(as);
    return text;
}

bool jup_hdf5_get_text(jup_hdf5_t *file, const char *path, const char *key, char **text)
{
    hid_t type, attribute = open_single(file, path, key, &type);
    *text = NULL;
    if (attribute >= 0) {
        *text = read_text(attribute, type);
        H5Tclose(type);
        H5Aclose(attribute);
    }
    H5Eclear2(H5E_DEFAULT);
    return *text != NULL;
}

bool jup_hdf5_get_number(jup_hdf5_t *file, const char *path, const char *key, double *value)
{
    hid_t type, attribute = open_single(file, path, key, &type);
    bool got = false;
    if (attribute >= 0) {
        H5T_class_t class = H5Tget_class(type);
        got = (class == H5T_FLOAT || class == H5T_INTEGER) &&
              H5Aread(attribute, H5T_NATIVE_DOUBLE, value) >= 0;
        H5Tclose(type);
        H5Aclose(attribute);
    }
    H5Eclear2(H5E_DEFAULT);
    return got;
}

typedef struct visitor {
    void (*visit)(void *self, const char *key);
    void *self;
} visitor_t;

static herr_t visit_one(hid_t object, const char *key, const H5A_info_t *info, void *self)
{
    (void)object, (void)info;
    visitor_t *visitor = self;
    visitor->visit(visitor->self, key);
    return 0;
}

jup_status_t jup_hdf5_each_attribute(jup_hdf5_t *file, const char *path,
                                     void (*visit)(void *self, const char *key), void *self,
                                     jup_error_t *err)
{
    visitor_t visitor = {visit, self};
    hsize_t from = 0;
    if (H5Aiterate_by_name(file->id, path, H5_INDEX_CRT_ORDER, H5_ITER_INC, &from, visit_one,
                           &visitor, H5P_DEFAULT) >= 0)
        return JUP_OK;
    H5Eclear2(H5E_DEFAULT);
    from = 0; /* a file that other hands made may not know the order */
    if (H5Aiterate_by_name(file->id, path, H5_INDEX_NAME, H5_ITER_INC, &from, visit_one, &visitor,
                           H5P_DEFAULT) < 0)
        return jup_hdf5_fail(file, path, err);
    return JUP_OK;
}
