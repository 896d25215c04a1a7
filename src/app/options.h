/** Option parsing through popt, with one way of asking for help and of reporting mistakes. */
#ifndef JUP_APP_OPTIONS_H
#define JUP_APP_OPTIONS_H

#include "app/options_given.h"
#include "base/status.h"
#include "comm/exchange.h"
#include "tensor/dtype.h"

#include <popt.h>
#include <stdbool.h>
#include <stdint.h>

enum { JUP_OPTION_NUMBERS = 64 };

typedef struct jup_options {
    poptContext context;
    struct poptOption *table, *nested; /* copies, since popt keeps pointing at them */
    const struct poptOption
        *numbers[JUP_OPTION_NUMBERS]; /* entries that ask for one, or are lacked */
    int n_numbers;
    const char *command;
    char name[64]; /* "jupiter COMMAND" */
    int argc;
    const char **argv; /* popt keeps pointing at these, too */
    const char *usage; /* what follows the name in the help */
    bool help;         /* --help was given; nothing else was checked */
    char *format;      /* of the help: NULL: for people; else see manual.h */
} jup_options_t;

/** A table entry that shows --help; it goes into every table's end, before POPT_TABLEEND. */
#define JUP_OPTION_HELP                                                                            \
    {                                                                                              \
        "help", 'h', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, JUP_OPTION_HELP_VALUE,         \
            "show this help; or as a page of the manual, or the part of a shell's completion",     \
            "man|bash|zsh"                                                                         \
    }
enum { JUP_OPTION_HELP_VALUE = 'h' };

/** Marks an entry: refused where it is given, and in no help. */
void jup_option_lack(struct poptOption *option);
bool jup_option_is_lacked(const struct poptOption *option);

/**
 * Reads argv into the table's variables. `usage` is what follows "jupiter COMMAND" in the help.
 * Leftover arguments are read with poptGetArg(options->context); a command that takes none passes
 * takes_args = false. Ends with jup_options_reset() in any case.
 */
jup_status_t jup_options_parse(jup_options_t *options, int argc, const char **argv,
                               const struct poptOption *table, const char *usage, bool takes_args,
                               jup_error_t *err);

bool jup_options_is_given(const jup_options_t *options, const char *name);

/** What was read, against pairs of options (options_given.h). */
jup_status_t jup_options_check_pairs(const jup_options_t *options, const jup_option_pair_t *pairs,
                                     size_t n, jup_error_t *err);
void jup_options_print_help(jup_options_t *options);
void jup_options_reset(jup_options_t *options);

/** "option is value, must be between least and most" unless it is. */
jup_status_t jup_check_int(const char *option, int64_t value, int64_t least, int64_t most,
                           jup_error_t *err);
jup_status_t jup_check_float(const char *option, double value, double least, double most,
                             jup_error_t *err);

/** The value of --exchange; NULL: AUTO. */
jup_status_t jup_check_exchange(const char *name, jup_exchange_t *exchange, jup_error_t *err);

/** A type of weights by its name; NULL: the usual one. */
jup_status_t jup_check_type(const char *option, const char *name, jup_dtype_t usual,
                            jup_dtype_t *type, jup_error_t *err);

/** A type of activations or of a cache, "f16" or "f32"; NULL: f16. */
jup_status_t jup_check_half_or_single(const char *option, const char *name, jup_dtype_t *type,
                                      jup_error_t *err);

/**
 * What --watch says, before all options are read: ranks are watched from the first moment on. It is
 * checked later; an entry of the table that does is JUP_OPTION_WATCH.
 */
double jup_options_watch_s(int argc, const char **argv);
#define JUP_OPTION_WATCH(seconds)                                                                  \
    {                                                                                              \
        "watch", 0, POPT_ARG_FLOAT, (seconds), 0,                                                  \
            "end the job when a rank or a link has not answered for so long; 0: wait for ever "    \
            "(30)",                                                                                \
            "SECONDS"                                                                              \
    }
jup_status_t jup_check_watch(float seconds, jup_error_t *err);

/** Prints "jupiter: message" on stderr and returns the exit code. */
int jup_report(const jup_error_t *err);

/**
 * For commands that do not use MPI: whether a launcher started this process as another rank than
 * the first, which alone speaks.
 */
bool jup_launched_beside_others(void);

#endif
