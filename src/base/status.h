/**
 * Errors. Three classes, three ways of handling them:
 *
 *  - a bug of ours: assert(), active in every build: none stands in an inner loop, and a rank that
 *    goes on with broken state would answer wrongly without a word;
 *  - the user's input (files, options, plans): a function returns JUP_EINPUT and fills the
 *    jup_error_t; the caller passes it up to rank 0, which prints one message, and every rank
 *    exits with that same code;
 *  - the environment (memory, disk, network): JUP_EENV, handled likewise where ranks can still
 *    talk to each other, else jup_die(), which takes all ranks down.
 *
 * Convention: functions that can fail return jup_status_t and take `jup_error_t *err` last. On
 * failure they fill *err and own nothing the caller has to clean up.
 */
#ifndef JUP_BASE_STATUS_H
#define JUP_BASE_STATUS_H

typedef enum jup_status {
    JUP_OK = 0,
    JUP_EINPUT = 2,       /* the user's input is at fault; also the exit code */
    JUP_EENV = 3,         /* memory, disk or network is at fault; also the exit code */
    JUP_STOPPED = 130,    /* by SIGINT: in order, what there is is kept; nothing more is said */
    JUP_TERMINATED = 143, /* likewise by SIGTERM */
} jup_status_t;

typedef struct jup_error {
    jup_status_t code;
    char text[1000]; /* one message: the file, the field, the value, what to do */
} jup_error_t;

/** Fills *err (which may be NULL) with a printf-style message and returns `code`. */
jup_status_t jup_fail(jup_error_t *err, jup_status_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Puts "context: " in front of the message already in *err, which is not NULL, and returns its
 * code. */
jup_status_t jup_fail_in(jup_error_t *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Told the code before the process ends by jup_die(), or by a handler of a signal that has said
 * why: it may do no more than such handlers may. NULL: nobody.
 */
typedef void (*jup_die_announcer_t)(void *self, int exit_code);
void jup_die_set_announcer(jup_die_announcer_t announcer, void *self);
void jup_die_announce(int exit_code);

/** Called by jup_die() after its message, to end the other ranks; must not return. */
typedef void (*jup_die_hook_t)(int exit_code);
void jup_die_set_hook(jup_die_hook_t hook);

/** Prints a message and ends the whole job. For failures of the environment only. */
_Noreturn void jup_die(jup_status_t code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define JUP_TRY(expr)                                                                              \
    do {                                                                                           \
        jup_status_t jup_try_status_ = (expr);                                                     \
        if (jup_try_status_ != JUP_OK)                                                             \
            return jup_try_status_;                                                                \
    } while (0)

#endif
