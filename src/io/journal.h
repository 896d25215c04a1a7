/**
 * The file that a run keeps while it works, so that another can go on from there: which tokens are
 * known of which question, which results were handed out, and what happened when. Records are only
 * ever added, each a line with a checksum of its own:
 *
 *   jupiter-journal 1 SUM
 *   field NAME VALUE SUM                  what the tokens depend on; before all others
 *   event DATE TEXT SUM                   what happened, for people (ISO 8601, UTC)
 *   tokens QUESTION BRANCH AT ID... SUM   a branch's tokens from its AT-th on
 *   result QUESTION OFFSET BYTES LINE SUM a line of so many bytes, with the checksum LINE, goes to
 *                                         this place of the results; OFFSET -1: to a stream
 *
 * SUM is base/checksum.h of all before it, in 16 hexadecimal digits. A file whose last records are
 * torn is good up to them: a process that is killed loses what it had not written, a machine that
 * loses power what it had not forced to the disk (jup_journal_write()).
 */
#ifndef JUP_IO_JOURNAL_H
#define JUP_IO_JOURNAL_H

#include "base/output.h"

#include <stdint.h>

/** The first record. */
#define JUP_JOURNAL_FIRST "jupiter-journal 1"

enum {
    JUP_JOURNAL_LINE = 1 << 13,  /* bytes of a record at most */
    JUP_JOURNAL_VALUE = 200,     /* of a field's value */
    JUP_JOURNAL_IDS = 256,       /* of a record of tokens */
    JUP_JOURNAL_OUTLINE = -1,    /* branches: the outline of a question, */
    JUP_JOURNAL_PLAIN = 0,       /* its plain answer, and its points from 1 on */
    JUP_JOURNAL_BRANCHES = 1024, /* at most */
};

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct jup_journal {
    jup_lines_t lines;
    char *waiting; /* records that are not written yet */
    size_t bytes, cap;
} jup_journal_t;

/** A file without records, or a new one, which gets the first one. JUP_EINPUT where it has some. */
jup_status_t jup_journal_begin(jup_journal_t *journal, const char *path, jup_error_t *err);

/** Goes on in a file that was read up to good_bytes; what follows them is cut off. With 0 it is
 * begun anew. */
jup_status_t jup_journal_go_on(jup_journal_t *journal, const char *path, int64_t good_bytes,
                               int64_t torn_bytes, jup_error_t *err);

/** These let records wait. An event's text may be any; a field's value was escaped. */
void jup_journal_field(jup_journal_t *journal, const char *name, const char *escaped);
void jup_journal_event(jup_journal_t *journal, const char *text);
void jup_journal_tokens(jup_journal_t *journal, int32_t question, int32_t branch, int32_t at,
                        const int32_t *ids, int32_t n);
void jup_journal_result(jup_journal_t *journal, int32_t question, int64_t offset, int64_t bytes,
                        uint64_t line);

/** Writes what waits, whole records at once; and forces it to the disk, or not. */
jup_status_t jup_journal_write(jup_journal_t *journal, bool force, jup_error_t *err);

/** Writes what waits and closes it; nothing to do when it is not open. */
jup_status_t jup_journal_close(jup_journal_t *journal, jup_error_t *err);

/** As a value is written; text (JUP_JOURNAL_VALUE). A long one ends in its checksum. */
void jup_journal_escape(const char *value, char *text);

/* ---- reading --------------------------------------------------------------------------------- */

typedef enum jup_journal_kind {
    JUP_JOURNAL_IS_FIELD,
    JUP_JOURNAL_IS_EVENT,
    JUP_JOURNAL_IS_TOKENS,
    JUP_JOURNAL_IS_RESULT
} jup_journal_kind_t;

/** A record; what it points to lasts until the next one. */
typedef struct jup_journal_record {
    jup_journal_kind_t kind;
    int64_t line;            /* its number in the file, from 1 on */
    const char *name, *text; /* of a field; of an event: its date, and what happened */
    int32_t question, branch, at, n;
    const int32_t *ids;    /* (n) */
    int64_t offset, bytes; /* of a result */
    uint64_t sum;          /* of its line */
} jup_journal_record_t;

/** Anything but JUP_OK ends the reading. */
typedef jup_status_t (*jup_journal_take_t)(void *self, const jup_journal_record_t *record,
                                           jup_error_t *err);

/** What a file has: whole records, and a torn end. good_bytes is 0 where the first one is torn. */
typedef struct jup_journal_extent {
    int64_t good_bytes, torn_bytes;
} jup_journal_extent_t;

/**
 * Hands out all records in their order. JUP_EINPUT when the file is no journal, and when a damaged
 * record has whole ones behind it, with the line.
 */
jup_status_t jup_journal_read(const char *path, jup_journal_take_t take, void *self,
                              jup_journal_extent_t *extent, jup_error_t *err);

#endif
