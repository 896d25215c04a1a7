/** The run file: one run in one HDF5 file. Its layout is described in SCHEMA.md, field by field. */
#ifndef JUP_TRACE_RUN_FILE_H
#define JUP_TRACE_RUN_FILE_H

#include "trace/run.h"

/** Written to new files; files of this major version and below are read. */
enum { JUP_RUN_SCHEMA_MAJOR = 1, JUP_RUN_SCHEMA_MINOR = 2 };

/** Writes the file in one go: it appears at `path` complete, or not at all. One rank only. */
jup_status_t jup_run_file_write(const char *path, const jup_run_t *run, jup_error_t *err);

/**
 * Reads a file into *run (initialised, empty). What an old file does not have gets its default.
 * JUP_EINPUT with one message for a file that is missing, damaged, not a run file or too new; *run
 * is then empty.
 */
jup_status_t jup_run_file_read(const char *path, jup_run_t *run, jup_error_t *err);

#endif
