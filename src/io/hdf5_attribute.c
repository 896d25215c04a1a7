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
    hid_t type = jup_hdf5_text_type();
    jup_status_t status = set(file, path, key, type, &text, err);
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

static bool is_text(hid_t type)
{
    return H5Tis_variable_str(type) > 0;
}

static bool is_number(hid_t type)
{
    return H5Tget_class(type) == H5T_FLOAT || H5Tget_class(type) == H5T_INTEGER;
}

/* Reads one value of a kind into memory of type `as`. */
static bool get(jup_hdf5_t *file, const char *path, const char *key, bool (*fits)(hid_t type),
                hid_t as, void *value)
{
    bool got = false;
    hid_t attribute = H5Aexists_by_name(file->id, path, key, H5P_DEFAULT) > 0
                          ? H5Aopen_by_name(file->id, path, key, H5P_DEFAULT, H5P_DEFAULT)
                          : H5I_INVALID_HID;
    if (attribute >= 0) {
        hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
        got = fits(type) && H5Sget_simple_extent_npoints(space) == 1 &&
              H5Aread(attribute, as, value) >= 0;
        H5Sclose(space);
        H5Tclose(type);
        H5Aclose(attribute);
    }
    H5Eclear2(H5E_DEFAULT);
    return got;
}

bool jup_hdf5_get_text(jup_hdf5_t *file, const char *path, const char *key, char **text)
{
    char *held = NULL;
    hid_t type = jup_hdf5_text_type();
    bool got = get(file, path, key, is_text, type, &held);
    H5Tclose(type);
    if (got)
        *text = jup_strdup(held ? held : "");
    if (held)
        H5free_memory(held);
    return got;
}

bool jup_hdf5_get_number(jup_hdf5_t *file, const char *path, const char *key, double *value)
{
    return get(file, path, key, is_number, H5T_NATIVE_DOUBLE, value);
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
