/**
 * What a journal (io/journal.h) means for questions: the tokens of each branch as they become
 * known, and which results were handed out. A run that goes on from a journal takes known tokens
 * into its answers and computes what follows them; it asks no question again whose line is in the
 * results.
 *
 * Records are written together at most every fifth of a second and with every result, and forced to
 * the disk every five seconds and at the end: a process that is killed loses the last moment's
 * tokens, a power cut those of some seconds; they are computed again.
 */
#ifndef JUP_ASK_KEEP_H
#define JUP_ASK_KEEP_H

#include "ask/reply.h"
#include "io/journal.h"

enum { JUP_KEEP_FIELDS = 24 };

/** Something that tokens depend on; the journal's and this run's must be equal. */
typedef struct jup_keep_field {
    const char *name; /* as the user says it: an option, or a word; a literal */
    char value[JUP_JOURNAL_VALUE];
} jup_keep_field_t;

/** Tokens of a branch that an earlier run has found out. */
typedef struct jup_keep_known {
    int32_t question, branch, n, cap;
    int32_t *ids;
} jup_keep_known_t;

typedef struct jup_keep {
    jup_journal_t journal;
    const char *path; /* NULL: nothing is kept */
    bool resumes;
    jup_keep_field_t fields[JUP_KEEP_FIELDS];
    int32_t n_fields;
    /* of the earlier runs */
    jup_journal_extent_t extent;
    int32_t questions, vocab, n_finished;
    unsigned char *finished; /* (questions) whether the line is in the results */
    jup_keep_known_t *known; /* (n_known) of the others */
    int32_t n_known, cap_known;
    int64_t known_tokens; /* of all questions, also of finished ones */
    int64_t results_end;  /* >= 0: a line that was torn begins there and ends the results */
    /* of this run */
    double written_s, forced_s;
    jup_status_t status; /* of writing */
    jup_error_t err;
} jup_keep_t;

/** A field of this run; value: printf's. */
void jup_keep_field(jup_keep_t *keep, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Before all work: path is the journal (it outlives the keep), and the fields are there. resumes:
 * reads it; JUP_EINPUT when it is of a run with other fields, naming the first one and both values,
 * or has questions or tokens that there are not: ids are below vocab.
 * results: the file of lines, to look up which are there; NULL: a stream.
 */
jup_status_t jup_keep_prepare(jup_keep_t *keep, const char *path, bool resumes, int32_t questions,
                              int32_t vocab, const char *results, jup_error_t *err);

/** Opens the file, and writes the fields of a new one. */
jup_status_t jup_keep_open(jup_keep_t *keep, jup_error_t *err);

/** Something to remember, with its date. */
void jup_keep_event(jup_keep_t *keep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** JUP_OK, or why something could not be kept. Also when it was never open. */
jup_status_t jup_keep_close(jup_keep_t *keep, jup_error_t *err);

/* ---- what was known before; a NULL keep knows nothing ------------------------------------------
 */

bool jup_keep_is_finished(const jup_keep_t *keep, int32_t question);

/** ids (n) of a branch, JUP_JOURNAL_OUTLINE and so on; NULL: none. */
const int32_t *jup_keep_known(const jup_keep_t *keep, int32_t question, int32_t branch, int32_t *n);

/** The question is under way; what was known is in its reply. */
void jup_keep_forget(jup_keep_t *keep, int32_t question);

/* ---- what becomes known; to a NULL keep nothing happens ----------------------------------------
 */

/** The branch of a reply as the journal numbers it. */
int32_t jup_keep_branch(const jup_reply_t *reply, const jup_branch_t *branch);

/** What is new of the reply's branches is to be written. */
void jup_keep_reply(jup_keep_t *keep, jup_reply_t *reply);

/** Writes, if it is time to; the open replies (n), NULL among them. False: it cannot. */
bool jup_keep_write(jup_keep_t *keep, jup_reply_t *const *open, int32_t n);

/** Before a line goes to the results at `offset` (-1: to a stream). False: the journal cannot take
 * note of it; handed out all the same, it would come again when the run goes on. */
bool jup_keep_result(jup_keep_t *keep, int32_t question, int64_t offset, const char *line);

#endif
