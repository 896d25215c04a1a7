#include "app/option_once.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

enum { MOST = 256 }; /* options of a command */

typedef struct given {
    const struct poptOption *option;
    const char *value;
} given_t;

static unsigned kind_of(const struct poptOption *o)
{
    return o->argInfo & POPT_ARG_MASK;
}

/* By its long name (n characters), or by its letter where name is NULL. */
static const struct poptOption *find(const struct poptOption *table, const char *name, size_t n,
                                     char letter)
{
    for (const struct poptOption *o = table; o->longName || o->shortName || o->arg; o++) {
        const struct poptOption *found = NULL;
        if (kind_of(o) == POPT_ARG_INCLUDE_TABLE)
            found = find(o->arg, name, n, letter);
        else if (name ? o->longName && strncmp(o->longName, name, n) == 0 && !o->longName[n]
                      : letter && o->shortName == letter)
            found = o;
        if (found)
            return found;
    }
    return NULL;
}

/* Whether the next word is its value; one that may have none has it behind a '='. */
static bool takes_next(const struct poptOption *o)
{
    return kind_of(o) != POPT_ARG_NONE && kind_of(o) != POPT_ARG_VAL &&
           !(o->argInfo & POPT_ARGFLAG_OPTIONAL);
}

/* A file or a text to work on: none of two is the one that counts. */
static bool is_content(const struct poptOption *o)
{
    const char *what = o->argDescrip ? o->argDescrip : "";
    return kind_of(o) == POPT_ARG_STRING && (strstr(what, "FILE") || strstr(what, "TEXT"));
}

static jup_status_t note(given_t *given, const struct poptOption *o, const char *value,
                         jup_error_t *err)
{
    if (!value || !is_content(o))
        return JUP_OK;
    int i = 0;
    while (i < MOST && given[i].option && given[i].option != o)
        i++;
    if (i == MOST)
        return JUP_OK;
    if (given[i].option)
        return jup_fail(err, JUP_EINPUT, "--%s is given twice, as '%s' and as '%s'; say it once",
                        o->longName, given[i].value, value);
    given[i] = (given_t){o, value};
    return JUP_OK;
}

/* Letters behind one '-': the first that takes a value has the rest, or the next word. */
static jup_status_t note_letters(given_t *given, const struct poptOption *table, const char **word,
                                 const char **end, int *used, jup_error_t *err)
{
    for (const char *c = *word + 1; *c; c++) {
        const struct poptOption *o = find(table, NULL, 0, *c);
        if (!o)
            return JUP_OK;
        if (!takes_next(o))
            continue;
        bool apart = !c[1];
        *used = 1 + apart;
        const char *value = !apart ? c + 1 + (c[1] == '=') : word + 1 < end ? word[1] : NULL;
        return note(given, o, value, err);
    }
    return JUP_OK;
}

static jup_status_t note_long(given_t *given, const struct poptOption *table, const char **word,
                              const char **end, int *used, jup_error_t *err)
{
    const char *name = *word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct poptOption *o = find(table, name, n, 0);
    if (!o)
        return JUP_OK;
    if (equals)
        return note(given, o, equals + 1, err);
    if (!takes_next(o))
        return JUP_OK;
    *used = 2;
    return note(given, o, word + 1 < end ? word[1] : NULL, err);
}

jup_status_t jup_option_check_once(const struct poptOption *table, int argc, const char **argv,
                                   jup_error_t *err)
{
    given_t *given = jup_new(MOST, sizeof *given);
    jup_status_t status = JUP_OK;
    const char **end = argv + argc;
    for (int i = 1, used; i < argc && status == JUP_OK; i += used) {
        const char *word = argv[i];
        used = 1;
        if (strcmp(word, "--") == 0)
            break;
        if (strncmp(word, "--", 2) == 0)
            status = note_long(given, table, argv + i, end, &used, err);
        else if (word[0] == '-' && word[1])
            status = note_letters(given, table, argv + i, end, &used, err);
    }
    jup_free(given);
    return status;
}
