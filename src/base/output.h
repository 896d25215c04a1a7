/**
 * The one way in which the program writes files. A file appears under its name complete or not at
 * all: it is written beside its place, forced to the disk and renamed; until then, and when
 * anything fails, what was there stays. A link is written through. Devices and pipes cannot be
 * replaced and are written in place. Errors: JUP_EINPUT when the name cannot be used, JUP_EENV when
 * writing fails, both with the file and the system's reason.
 */
#ifndef JUP_BASE_OUTPUT_H
#define JUP_BASE_OUTPUT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct jup_output {
    FILE *file;      /* to write to; NULL: not open */
    char *path;      /* as the user named it */
    char *target;    /* where it leads */
    char *temporary; /* beside the target; NULL: written in place */
} jup_output_t;

/** path NULL or "-": standard output. *out is filled in any case. */
jup_status_t jup_output_open(jup_output_t *out, const char *path, jup_error_t *err);

/** Completes the file and puts it in its place; nothing to do when it is not open. */
jup_status_t jup_output_close(jup_output_t *out, jup_error_t *err);

/** Forgets what was written; also after a failure, or when it never was open. */
void jup_output_abandon(jup_output_t *out);

/** "cannot write '<path>': reason", for a writer that found out before the end. */
jup_status_t jup_output_fail(const jup_output_t *out, int reason, jup_error_t *err);

/** Why writing to this file failed earlier, when nobody kept errno: it is tried once more. */
int jup_output_reason(int fd);

/** A whole file from memory. */
jup_status_t jup_output_write(const char *path, const void *data, size_t bytes, jup_error_t *err);

/** What a command reads or writes, and the option that said so. */
typedef struct jup_output_claim {
    const char *option, *path; /* path NULL: not used */
    bool writes;
} jup_output_claim_t;

/**
 * To be asked before anything long or destructive begins: that no output is an input or another
 * output (the same file under whatever name), and that each could be written. Leaves no file.
 */
jup_status_t jup_output_check(const jup_output_claim_t *claims, size_t n, jup_error_t *err);

/* ---- lines that are added while the program works -------------------------------------------- */

/** A file to which whole lines are added; nobody else adds to it meanwhile. */
typedef struct jup_lines {
    int fd; /* -1: not open */
    char *path;
} jup_lines_t;

/** What is there stays. JUP_EINPUT also when another job is writing to the file. */
jup_status_t jup_lines_open(jup_lines_t *lines, const char *path, jup_error_t *err);

/** Adds the text and a newline, or nothing. */
jup_status_t jup_lines_add(jup_lines_t *lines, const char *text, jup_error_t *err);

/** Bytes that are there; -1 of a pipe or a device. */
int64_t jup_lines_length(const jup_lines_t *lines);

/** Only the first bytes stay, which end a line. */
jup_status_t jup_lines_cut(jup_lines_t *lines, int64_t length, jup_error_t *err);

/** What was added is on the disk afterwards: it outlasts the machine, not only the process. */
jup_status_t jup_lines_force(jup_lines_t *lines, jup_error_t *err);

/** JUP_EENV when the lines could not be kept. Nothing to do when it is not open. */
jup_status_t jup_lines_close(jup_lines_t *lines, jup_error_t *err);

/* ---- standard streams ------------------------------------------------------------------------ */

/**
 * Before all else: a standard stream that is closed must not become the first file that is opened.
 * Writing to one then fails.
 */
void jup_streams_hold(void);

/**
 * A reader who goes away ends nothing: writing fails. A launcher between, which such a pipe leads
 * to, says it by SIGPIPE (as tools/launch does): from then on writing fails in the same way.
 */
void jup_streams_hear_of_reader(void);

/** Writing to standard output failed for this reason: the message; JUP_OK where a reader left. */
jup_status_t jup_streams_lost(int reason, jup_error_t *err);

/**
 * At the end of every command: whether all of standard output arrived. A reader that went away has
 * what it wanted.
 */
jup_status_t jup_streams_check(jup_error_t *err);

#endif
