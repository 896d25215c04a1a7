#include "base/mem.h"
#include "trace/run_columns.h"
#include "trace/run_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- is it ours? ------------------------------------------------------------------------------
 */

static bool says_it_is_a_run(jup_hdf5_t *file)
{
    char *format = NULL;
    bool ours =
        jup_hdf5_get_text(file, "/", "format", &format) && strcmp(format, "jupiter run") == 0;
    jup_free(format);
    return ours;
}

static jup_status_t check_format(jup_hdf5_t *file, const char *path, jup_error_t *err)
{
    double major = 0;
    if (!says_it_is_a_run(file) || !jup_hdf5_get_number(file, "/", "schema_major", &major))
        return jup_fail(err, JUP_EINPUT, "'%s' is an HDF5 file, but not a run file of this program",
                        path);
    if (major > JUP_RUN_SCHEMA_MAJOR)
        return jup_fail(err, JUP_EINPUT,
                        "'%s' was written by a newer version (schema %d, this one reads up to %d); "
                        "use that version to read it",
                        path, (int)major, (int)JUP_RUN_SCHEMA_MAJOR);
    return JUP_OK;
}

/* ---- keys and texts ---------------------------------------------------------------------------
 */

typedef struct key_reader {
    jup_hdf5_t *file;
    jup_run_t *run;
} key_reader_t;

static void take_meta(void *self, const char *key)
{
    key_reader_t *reader = self;
    char *text = NULL;
    if (!jup_hdf5_get_text(reader->file, "/meta", key, &text))
        return;
    jup_run_set_meta(reader->run, key, text);
    jup_free(text);
}

static void take_number(void *self, const char *key)
{
    key_reader_t *reader = self;
    double value;
    if (jup_hdf5_get_number(reader->file, "/summary", key, &value))
        jup_run_set_number(reader->run, key, value);
}

static jup_status_t read_keys(jup_hdf5_t *file, jup_run_t *run, jup_error_t *err)
{
    key_reader_t reader = {file, run};
    JUP_TRY(jup_hdf5_each_attribute(file, "/meta", take_meta, &reader, err));
    JUP_TRY(jup_hdf5_each_attribute(file, "/summary", take_number, &reader, err));
    if (jup_hdf5_has(file, "/cluster"))
        JUP_TRY(jup_hdf5_read_text(file, "/cluster", &run->cluster, err));
    if (jup_hdf5_has(file, "/plan"))
        JUP_TRY(jup_hdf5_read_text(file, "/plan", &run->plan, err));
    return JUP_OK;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static jup_status_t read_table(jup_hdf5_t *file, const jup_run_table_t *table, void **rows,
                               size_t *n, jup_error_t *err)
{
    return jup_hdf5_read_table(file, table->path, table->stride, table->columns, table->n_columns,
                               rows, n, err);
}

/* Puts /memory's numbers beside /ranks' in one record per rank. */
static void merge_memory(jup_run_t *run, const jup_rank_record_t *memory, size_t n)
{
    for (size_t i = 0; i < n && i < run->n_ranks; i++) {
        jup_rank_record_t *rank = &run->ranks[i];
        rank->peak_resident_bytes = memory[i].peak_resident_bytes;
        rank->heap_peak_bytes = memory[i].heap_peak_bytes;
        rank->weights_bytes = memory[i].weights_bytes;
        rank->kv_bytes = memory[i].kv_bytes;
        rank->buffers_bytes = memory[i].buffers_bytes;
    }
}

static jup_status_t read_ranks(jup_hdf5_t *file, jup_run_t *run, jup_error_t *err)
{
    void *rows;
    size_t n;
    JUP_TRY(read_table(file, &jup_run_table_ranks, &rows, &run->n_ranks, err));
    run->ranks = rows;
    JUP_TRY(read_table(file, &jup_run_table_memory, &rows, &n, err));
    merge_memory(run, rows, n);
    jup_free(rows);
    return JUP_OK;
}

static jup_status_t read_events(jup_hdf5_t *file, jup_run_t *run, jup_error_t *err)
{
    void *rows;
    JUP_TRY(read_table(file, &jup_run_table_spans, &rows, &run->n_spans, err));
    run->spans = rows;
    JUP_TRY(read_table(file, &jup_run_table_messages, &rows, &run->n_messages, err));
    run->messages = rows;
    JUP_TRY(read_table(file, &jup_run_table_tokens, &rows, &run->n_tokens, err));
    run->tokens = rows;
    return JUP_OK;
}

/* ---- kinds: the file's numbers become ours, by name -------------------------------------------
 */

enum { KINDS = 256 };

/* Our number of the file's kind; -1: we know no kind of that name. */
static int32_t our_kind(jup_hdf5_t *file, const char *path, int kind, int first, int end,
                        const char *(*name_of)(int kind))
{
    char key[32], *name = NULL;
    snprintf(key, sizeof key, "kind.%d", kind);
    int32_t ours = -1;
    if (!jup_hdf5_get_text(file, path, key, &name))
        return -1;
    for (int i = first; i < end; i++)
        if (strcmp(name_of(i), name) == 0)
            ours = i;
    jup_free(name);
    return ours;
}

static void rename_kinds(jup_hdf5_t *file, jup_run_t *run)
{
    int32_t spans[KINDS], messages[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        spans[kind] = our_kind(file, "/spans", kind, 0, JUP_SPAN_KINDS, jup_span_kind_name);
        messages[kind] = our_kind(file, "/messages", kind, JUP_MSG_FIRST + 1, JUP_MSG_LAST,
                                  jup_message_kind_name);
    }
    for (size_t i = 0; i < run->n_spans; i++) {
        int32_t *kind = &run->spans[i].kind;
        *kind = *kind >= 0 && *kind < KINDS ? spans[*kind] : -1;
    }
    for (size_t i = 0; i < run->n_messages; i++) {
        int32_t *kind = &run->messages[i].kind;
        *kind = *kind >= 0 && *kind < KINDS ? messages[*kind] : -1;
    }
}

/* ---- does it make sense? ----------------------------------------------------------------------
 */

static bool is_rank(const jup_run_t *run, int32_t rank)
{
    return rank >= 0 && (size_t)rank < run->n_ranks;
}

static jup_status_t check_spans(const jup_run_t *run, const char *path, jup_error_t *err)
{
    for (size_t i = 0; i < run->n_spans; i++) {
        const jup_span_t *span = &run->spans[i];
        if (!is_rank(run, span->rank) || !isfinite(span->start_s) || !isfinite(span->end_s) ||
            span->end_s < span->start_s)
            return jup_fail(err, JUP_EINPUT,
                            "'%s': span %zu (rank %d, from %g s to %g s) makes no sense; is the "
                            "file damaged?",
                            path, i, span->rank, span->start_s, span->end_s);
    }
    return JUP_OK;
}

/* Times of messages may be NAN, where a side was not recorded. */
static jup_status_t check_messages(const jup_run_t *run, const char *path, jup_error_t *err)
{
    for (size_t i = 0; i < run->n_messages; i++) {
        const jup_message_t *message = &run->messages[i];
        if (!is_rank(run, message->src) || !is_rank(run, message->dst) || message->bytes < 0)
            return jup_fail(err, JUP_EINPUT,
                            "'%s': message %zu (rank %d to %d, %lld bytes) makes no sense; is the "
                            "file damaged?",
                            path, i, message->src, message->dst, (long long)message->bytes);
    }
    return JUP_OK;
}

static jup_status_t check_tokens(const jup_run_t *run, const char *path, jup_error_t *err)
{
    for (size_t i = 0; i < run->n_tokens; i++)
        if (!isfinite(run->tokens[i].time_s))
            return jup_fail(err, JUP_EINPUT, "'%s': token %zu has no time; is the file damaged?",
                            path, i);
    return JUP_OK;
}

static jup_status_t check_ranks(const jup_run_t *run, const char *path, jup_error_t *err)
{
    for (size_t i = 0; i < run->n_ranks; i++) {
        const jup_rank_record_t *rank = &run->ranks[i];
        if (rank->rank != (int32_t)i || rank->layer_first < 0 || rank->layer_last < 0 ||
            rank->stage < -1 || rank->member < -1 || rank->heads < 0 || rank->ffn < 0)
            return jup_fail(err, JUP_EINPUT,
                            "'%s': row %zu of /ranks (rank %d, layers %d to %d, stage %d.%d, share "
                            "%d, %d) makes no sense; is the file damaged?",
                            path, i, rank->rank, rank->layer_first, rank->layer_last, rank->stage,
                            rank->member, rank->heads, rank->ffn);
    }
    JUP_TRY(check_spans(run, path, err));
    JUP_TRY(check_messages(run, path, err));
    return check_tokens(run, path, err);
}

static jup_status_t read_all(jup_hdf5_t *file, const char *path, jup_run_t *run, jup_error_t *err)
{
    JUP_TRY(check_format(file, path, err));
    JUP_TRY(read_keys(file, run, err));
    JUP_TRY(read_ranks(file, run, err));
    JUP_TRY(read_events(file, run, err));
    rename_kinds(file, run);
    JUP_TRY(check_ranks(run, path, err));
    jup_run_sort(run);
    return JUP_OK;
}

jup_status_t jup_run_file_read(const char *path, jup_run_t *run, jup_error_t *err)
{
    jup_hdf5_t *file;
    JUP_TRY(jup_hdf5_open(&file, path, err));
    jup_status_t status = read_all(file, path, run, err);
    jup_hdf5_close(file);
    if (status != JUP_OK)
        jup_run_reset(run);
    return status;
}
