#include "trace/run_columns.h"
#include "trace/run_file.h"

#include <stdio.h>

static jup_status_t write_table(jup_hdf5_t *file, const jup_run_table_t *table, const void *rows,
                                size_t n, jup_error_t *err)
{
    return jup_hdf5_write_table(file, table->path, rows, n, table->stride, table->columns,
                                table->n_columns, err);
}

static jup_status_t write_format(jup_hdf5_t *file, jup_error_t *err)
{
    JUP_TRY(jup_hdf5_set_text(file, "/", "format", "jupiter run", err));
    JUP_TRY(jup_hdf5_set_integer(file, "/", "schema_major", JUP_RUN_SCHEMA_MAJOR, err));
    return jup_hdf5_set_integer(file, "/", "schema_minor", JUP_RUN_SCHEMA_MINOR, err);
}

static jup_status_t write_keys(jup_hdf5_t *file, const jup_run_t *run, jup_error_t *err)
{
    JUP_TRY(jup_hdf5_write_group(file, "/meta", err));
    for (size_t i = 0; i < run->n_meta; i++)
        JUP_TRY(jup_hdf5_set_text(file, "/meta", run->meta[i].key, run->meta[i].value, err));
    JUP_TRY(jup_hdf5_write_group(file, "/summary", err));
    for (size_t i = 0; i < run->n_summary; i++)
        JUP_TRY(
            jup_hdf5_set_number(file, "/summary", run->summary[i].key, run->summary[i].value, err));
    return JUP_OK;
}

static jup_status_t write_texts(jup_hdf5_t *file, const jup_run_t *run, jup_error_t *err)
{
    if (run->cluster)
        JUP_TRY(jup_hdf5_write_text(file, "/cluster", run->cluster, err));
    if (run->plan)
        JUP_TRY(jup_hdf5_write_text(file, "/plan", run->plan, err));
    return JUP_OK;
}

/* The numbers of kinds may change from version to version; their names do not. */
static jup_status_t write_kinds(jup_hdf5_t *file, const char *path, int first, int end,
                                const char *(*name)(int kind), jup_error_t *err)
{
    for (int kind = first; kind < end; kind++) {
        char key[32];
        snprintf(key, sizeof key, "kind.%d", kind);
        JUP_TRY(jup_hdf5_set_text(file, path, key, name(kind), err));
    }
    return JUP_OK;
}

static jup_status_t write_tables(jup_hdf5_t *file, const jup_run_t *run, jup_error_t *err)
{
    JUP_TRY(write_table(file, &jup_run_table_ranks, run->ranks, run->n_ranks, err));
    JUP_TRY(write_table(file, &jup_run_table_memory, run->ranks, run->n_ranks, err));
    JUP_TRY(write_table(file, &jup_run_table_spans, run->spans, run->n_spans, err));
    JUP_TRY(write_table(file, &jup_run_table_messages, run->messages, run->n_messages, err));
    JUP_TRY(write_table(file, &jup_run_table_tokens, run->tokens, run->n_tokens, err));
    JUP_TRY(write_kinds(file, "/spans", 0, JUP_SPAN_KINDS, jup_span_kind_name, err));
    return write_kinds(file, "/messages", JUP_MSG_FIRST + 1, JUP_MSG_LAST, jup_message_kind_name,
                       err);
}

jup_status_t jup_run_file_write(const char *path, const jup_run_t *run, jup_error_t *err)
{
    jup_hdf5_t *file;
    JUP_TRY(jup_hdf5_create(&file, path, err));
    jup_status_t status = write_format(file, err);
    if (status == JUP_OK)
        status = write_keys(file, run, err);
    if (status == JUP_OK)
        status = write_texts(file, run, err);
    if (status == JUP_OK)
        status = write_tables(file, run, err);
    if (status == JUP_OK)
        return jup_hdf5_finish(file, err);
    jup_hdf5_close(file);
    return status;
}
