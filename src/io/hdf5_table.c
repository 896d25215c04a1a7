#include "base/mem.h"
#include "io/hdf5_inner.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK_ROWS = 4096, DEFLATE_LEVEL = 4 };

static size_t column_bytes(const jup_column_t *column)
{
    switch (column->type) {
    case JUP_COLUMN_I32:
        return sizeof(int32_t);
    case JUP_COLUMN_TEXT:
        return column->size;
    default:
        return 8;
    }
}

/* A type of the column in the file (little endian everywhere); the caller closes it. */
static hid_t column_type(const jup_column_t *column)
{
    if (column->type == JUP_COLUMN_F64)
        return H5Tcopy(H5T_IEEE_F64LE);
    if (column->type == JUP_COLUMN_I64)
        return H5Tcopy(H5T_STD_I64LE);
    if (column->type == JUP_COLUMN_I32)
        return H5Tcopy(H5T_STD_I32LE);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, column->size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

static void insert(hid_t compound, const jup_column_t *column, size_t offset)
{
    hid_t type = column_type(column);
    H5Tinsert(compound, column->name, offset, type);
    H5Tclose(type);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* The columns, laid out as in the struct (stride), or without gaps (stride 0). */
static hid_t row_type(const jup_column_t *columns, size_t n_columns, size_t stride)
{
    size_t packed = 0;
    for (size_t i = 0; i < n_columns; i++)
        packed += column_bytes(&columns[i]);
    hid_t type = H5Tcreate(H5T_COMPOUND, stride ? stride : packed);
    size_t at = 0;
    for (size_t i = 0; i < n_columns; i++) {
        insert(type, &columns[i], stride ? columns[i].offset : at);
        at += column_bytes(&columns[i]);
    }
    return type;
}

/* Checksums find what a disk or a copy has spoilt. */
static hid_t storage_list(size_t n)
{
    hsize_t rows = n < 1 ? 1 : n > CHUNK_ROWS ? CHUNK_ROWS : n;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_chunk(list, 1, &rows);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, DEFLATE_LEVEL);
    H5Pset_fletcher32(list);
    return list;
}

static jup_status_t write_units(jup_hdf5_t *file, const char *path, const jup_column_t *columns,
                                size_t n_columns, jup_error_t *err)
{
    for (size_t i = 0; i < n_columns; i++) {
        char key[80];
        if (!columns[i].unit)
            continue;
        snprintf(key, sizeof key, "%s.unit", columns[i].name);
        JUP_TRY(jup_hdf5_set_text(file, path, key, columns[i].unit, err));
    }
    return JUP_OK;
}

jup_status_t jup_hdf5_write_table(jup_hdf5_t *file, const char *path, const void *rows, size_t n,
                                  size_t stride, const jup_column_t *columns, size_t n_columns,
                                  jup_error_t *err)
{
    hsize_t length = n, longest = H5S_UNLIMITED;
    hid_t in_file = row_type(columns, n_columns, 0);
    hid_t in_memory = row_type(columns, n_columns, stride);
    hid_t list = storage_list(n), space = H5Screate_simple(1, &length, &longest);
    hid_t set = H5Dcreate2(file->id, path, in_file, space, H5P_DEFAULT, list, H5P_DEFAULT);
    bool written = set >= 0;
    if (written && n)
        written = H5Dwrite(set, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) >= 0;
    jup_status_t status = written ? JUP_OK : jup_hdf5_fail(file, path, err);
    if (set >= 0)
        H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    H5Tclose(in_memory);
    H5Tclose(in_file);
    return status == JUP_OK ? write_units(file, path, columns, n_columns, err) : status;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* A table being read: those columns that the file has, without gaps. */
typedef struct reading {
    hid_t set, type; /* the file's row */
    size_t n;
    hid_t memory_type;
    size_t packed; /* bytes of a row in memory */
    int64_t *at;   /* (n_columns) where the column lies in it; -1: not in the file */
} reading_t;

static bool same_class(hid_t type, jup_column_type_t wanted)
{
    H5T_class_t class = H5Tget_class(type);
    if (wanted == JUP_COLUMN_TEXT)
        return class == H5T_STRING && H5Tis_variable_str(type) == 0;
    return class == H5T_FLOAT || class == H5T_INTEGER || class == H5T_ENUM;
}

static bool file_has_column(hid_t row, const jup_column_t *column)
{
    int member = H5Tget_member_index(row, column->name);
    H5Eclear2(H5E_DEFAULT);
    if (member < 0)
        return false;
    hid_t type = H5Tget_member_type(row, (unsigned)member);
    bool fits = same_class(type, column->type);
    H5Tclose(type);
    return fits;
}

/* HDF5 does not turn ASCII, which others may write, into UTF-8: ask for what is there. */
static void insert_as_stored(const reading_t *r, const jup_column_t *column, size_t offset)
{
    hid_t type = column_type(column);
    int member = H5Tget_member_index(r->type, column->name);
    hid_t stored = H5Tget_member_type(r->type, (unsigned)member);
    if (column->type == JUP_COLUMN_TEXT)
        H5Tset_cset(type, H5Tget_cset(stored));
    H5Tinsert(r->memory_type, column->name, offset, type);
    H5Tclose(stored);
    H5Tclose(type);
}

static void lay_out(reading_t *r, const jup_column_t *columns, size_t n_columns)
{
    r->at = jup_new(n_columns, sizeof *r->at);
    for (size_t i = 0; i < n_columns; i++) {
        bool there = file_has_column(r->type, &columns[i]);
        r->at[i] = there ? (int64_t)r->packed : -1;
        r->packed += there ? column_bytes(&columns[i]) : 0;
    }
    r->memory_type = r->packed ? H5Tcreate(H5T_COMPOUND, r->packed) : H5I_INVALID_HID;
    for (size_t i = 0; i < n_columns; i++)
        if (r->at[i] >= 0)
            insert_as_stored(r, &columns[i], (size_t)r->at[i]);
}

/* A damaged length must not make us ask for memory without end: deflate gains 1032 : 1 at most. */
static bool is_plausible(hid_t set, hid_t row, hssize_t n)
{
    const double best_ratio = 1100;
    double stored = (double)H5Dget_storage_size(set);
    return n >= 0 && (double)n * (double)H5Tget_size(row) <= stored * best_ratio;
}

/* The shape of the table in the file. */
static bool look_at(reading_t *r)
{
    hid_t space = H5Dget_space(r->set);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    bool fits = H5Sget_simple_extent_ndims(space) == 1 && H5Tget_class(r->type) == H5T_COMPOUND &&
                is_plausible(r->set, r->type, n);
    r->n = fits ? (size_t)n : 0;
    H5Sclose(space);
    return fits;
}

static void set_default(const jup_column_t *column, char *field)
{
    int64_t i64 = (int64_t)column->otherwise;
    int32_t i32 = (int32_t)column->otherwise;
    if (column->type == JUP_COLUMN_F64)
        memcpy(field, &column->otherwise, sizeof column->otherwise);
    else if (column->type == JUP_COLUMN_I64)
        memcpy(field, &i64, sizeof i64);
    else if (column->type == JUP_COLUMN_I32)
        memcpy(field, &i32, sizeof i32);
}

static void scatter(const reading_t *r, const char *packed, const jup_column_t *columns,
                    size_t n_columns, char *rows, size_t stride)
{
    for (size_t row = 0; row < r->n; row++) {
        for (size_t i = 0; i < n_columns; i++) {
            const jup_column_t *column = &columns[i];
            char *field = rows + row * stride + column->offset;
            if (r->at[i] < 0)
                set_default(column, field);
            else
                memcpy(field, packed + row * r->packed + r->at[i], column_bytes(column));
            if (column->type == JUP_COLUMN_TEXT)
                field[column->size - 1] = '\0';
        }
    }
}

/* Reads r->n rows as they are in memory_type, then spreads them over the structs. */
static jup_status_t read_rows(jup_hdf5_t *file, const char *path, const reading_t *r,
                              const jup_column_t *columns, size_t n_columns, char *rows,
                              size_t stride, jup_error_t *err)
{
    void *packed = NULL;
    JUP_TRY(jup_alloc(&packed, r->n, r->packed, path, err));
    jup_status_t status = JUP_OK;
    if (r->n && r->packed &&
        H5Dread(r->set, r->memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, packed) < 0)
        status = jup_hdf5_fail(file, path, err);
    else
        scatter(r, packed, columns, n_columns, rows, stride);
    jup_free(packed);
    return status;
}

jup_status_t jup_hdf5_read_table(jup_hdf5_t *file, const char *path, size_t stride,
                                 const jup_column_t *columns, size_t n_columns, void **rows,
                                 size_t *n, jup_error_t *err)
{
    reading_t r = {.memory_type = H5I_INVALID_HID};
    *rows = NULL;
    *n = 0;
    r.set = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (r.set < 0)
        return jup_hdf5_fail(file, path, err);
    r.type = H5Dget_type(r.set);
    jup_status_t status = look_at(&r) ? JUP_OK : jup_hdf5_fail(file, path, err);
    if (status == JUP_OK)
        status = jup_alloc(rows, r.n, stride, path, err);
    if (status == JUP_OK) {
        lay_out(&r, columns, n_columns);
        status = read_rows(file, path, &r, columns, n_columns, *rows, stride, err);
        jup_free(r.at);
        if (r.memory_type >= 0)
            H5Tclose(r.memory_type);
    }
    H5Tclose(r.type);
    H5Dclose(r.set);
    if (status == JUP_OK) {
        *n = r.n;
    } else {
        jup_free(*rows);
        *rows = NULL;
    }
    return status;
}
