/** The tables of a run file: which field of which struct is which column. */
#ifndef JUP_TRACE_RUN_COLUMNS_H
#define JUP_TRACE_RUN_COLUMNS_H

#include "io/hdf5_file.h"

typedef struct jup_run_table {
    const char *path;
    const jup_column_t *columns;
    size_t n_columns, stride;
} jup_run_table_t;

extern const jup_run_table_t jup_run_table_ranks;  /* of jup_rank_record_t: where it ran */
extern const jup_run_table_t jup_run_table_memory; /* of jup_rank_record_t: what it took */
extern const jup_run_table_t jup_run_table_spans;
extern const jup_run_table_t jup_run_table_messages;
extern const jup_run_table_t jup_run_table_tokens;

#endif
