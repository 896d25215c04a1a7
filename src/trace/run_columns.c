#include "trace/run_columns.h"

#include "trace/run.h"

#include <math.h>
#include <stddef.h>

/* SCHEMA.md describes each of these; change both, and the version in run_file.h. */

/* clang-format off */
#define F64(type, field, unit, otherwise) {#field, JUP_COLUMN_F64, offsetof(type, field), 0, unit, otherwise}
#define I64(type, field, unit, otherwise) {#field, JUP_COLUMN_I64, offsetof(type, field), 0, unit, otherwise}
#define I32(type, field, otherwise) {#field, JUP_COLUMN_I32, offsetof(type, field), 0, NULL, otherwise}
#define TABLE(path, type, columns) {path, columns, sizeof(columns) / sizeof(columns)[0], sizeof(type)}
/* clang-format on */

typedef jup_rank_record_t rank_t;
typedef jup_span_t span_t;
typedef jup_message_t message_t;
typedef jup_token_record_t token_t;

static const jup_column_t rank_columns[] = {
    I32(rank_t, rank, 0),
    {"host", JUP_COLUMN_TEXT, offsetof(rank_t, host), JUP_HOST_BYTES, NULL, 0},
    I32(rank_t, threads, 0),
    I32(rank_t, layer_first, 0),
    I32(rank_t, layer_last, 0),
    F64(rank_t, clock_offset_s, "s", 0),
    I32(rank_t, stage, -1),
    I32(rank_t, member, -1),
    {"way", JUP_COLUMN_TEXT, offsetof(rank_t, way), JUP_WAY_BYTES, NULL, 0},
    I32(rank_t, heads, 0),
    I32(rank_t, ffn, 0),
};

static const jup_column_t memory_columns[] = {
    I32(rank_t, rank, 0),
    I64(rank_t, peak_resident_bytes, "bytes", 0),
    I64(rank_t, heap_peak_bytes, "bytes", 0),
    I64(rank_t, weights_bytes, "bytes", 0),
    I64(rank_t, kv_bytes, "bytes", 0),
    I64(rank_t, buffers_bytes, "bytes", 0),
};

static const jup_column_t span_columns[] = {
    I32(span_t, rank, 0),           I32(span_t, kind, -1),      F64(span_t, start_s, "s", 0),
    F64(span_t, end_s, "s", 0),     I32(span_t, request, -1),   I32(span_t, branch, -1),
    I32(span_t, step, -1),          I32(span_t, chunk, -1),     I32(span_t, rows, 0),
    I32(span_t, layer_first, 0),    I32(span_t, layer_last, 0), F64(span_t, flops, "flop", 0),
    F64(span_t, bytes, "bytes", 0),
};

static const jup_column_t message_columns[] = {
    I32(message_t, src, 0),
    I32(message_t, dst, 0),
    I32(message_t, kind, -1),
    I32(message_t, label, -1),
    I64(message_t, bytes, "bytes", 0),
    F64(message_t, post_s, "s", NAN),
    F64(message_t, recv_post_s, "s", NAN),
    F64(message_t, start_s, "s", NAN),
    F64(message_t, sent_s, "s", NAN),
    F64(message_t, done_s, "s", NAN),
};

static const jup_column_t token_columns[] = {
    F64(token_t, time_s, "s", 0), I32(token_t, request, 0), I32(token_t, branch, 0),
    I32(token_t, position, -1),   I32(token_t, id, -1),     I32(token_t, accepted_by, 0),
};

const jup_run_table_t jup_run_table_ranks = TABLE("/ranks", rank_t, rank_columns);
const jup_run_table_t jup_run_table_memory = TABLE("/memory", rank_t, memory_columns);
const jup_run_table_t jup_run_table_spans = TABLE("/spans", span_t, span_columns);
const jup_run_table_t jup_run_table_messages = TABLE("/messages", message_t, message_columns);
const jup_run_table_t jup_run_table_tokens = TABLE("/tokens", token_t, token_columns);
