#include "app/options_given.h"

#include "base/mem.h"

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

typedef jup_status_t visit_t(void *self, const struct poptOption *o, const char *value,
                             jup_error_t *err);

/* ---- whatever is given ------------------------------------------------------------------------
 */

/* Letters behind one '-': the first that takes a value has the rest, or the next word. */
static jup_status_t visit_letters(const struct poptOption *table, const char **word,
                                  const char **end, int *used, visit_t *visit, void *self,
                                  jup_error_t *err)
{
    for (const char *c = *word + 1; *c; c++) {
        const struct poptOption *o = find(table, NULL, 0, *c);
        if (!o)
            return JUP_OK;
        if (!takes_next(o)) {
            JUP_TRY(visit(self, o, NULL, err));
            continue;
        }
        bool apart = !c[1];
        *used = 1 + apart;
        const char *value = !apart ? c + 1 + (c[1] == '=') : word + 1 < end ? word[1] : NULL;
        return visit(self, o, value, err);
    }
    return JUP_OK;
}

static jup_status_t visit_long(const struct poptOption *table, const char **word, const char **end,
                               int *used, visit_t *visit, void *self, jup_error_t *err)
{
    const char *name = *word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct poptOption *o = find(table, name, n, 0);
    if (!o)
        return JUP_OK;
    if (equals)
        return visit(self, o, equals + 1, err);
    if (!takes_next(o))
        return visit(self, o, NULL, err);
    *used = 2;
    return visit(self, o, word + 1 < end ? word[1] : NULL, err);
}

static jup_status_t visit_all(const struct poptOption *table, int argc, const char **argv,
                              visit_t *visit, void *self, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    const char **end = argv + argc;
    for (int i = 1, used; i < argc && status == JUP_OK; i += used) {
        const char *word = argv[i];
        used = 1;
        if (strcmp(word, "--") == 0)
            break;
        if (strncmp(word, "--", 2) == 0)
            status = visit_long(table, argv + i, end, &used, visit, self, err);
        else if (word[0] == '-' && word[1])
            status = visit_letters(table, argv + i, end, &used, visit, self, err);
    }
    return status;
}

/* ---- twice ------------------------------------------------------------------------------------
 */

/* A file or a text to work on: none of two is the one that counts. */
static bool is_content(const struct poptOption *o)
{
    const char *what = o->argDescrip ? o->argDescrip : "";
    return kind_of(o) == POPT_ARG_STRING && (strstr(what, "FILE") || strstr(what, "TEXT"));
}

static jup_status_t note(void *self, const struct poptOption *o, const char *value,
                         jup_error_t *err)
{
    given_t *given = self;
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

jup_status_t jup_option_check_once(const struct poptOption *table, int argc, const char **argv,
                                   jup_error_t *err)
{
    given_t *given = jup_new(MOST, sizeof *given);
    jup_status_t status = visit_all(table, argc, argv, note, given, err);
    jup_free(given);
    return status;
}

/* ---- in vain ----------------------------------------------------------------------------------
 */

typedef struct search {
    const char *name;
    bool found;
} search_t;

static jup_status_t look(void *self, const struct poptOption *o, const char *value,
                         jup_error_t *err)
{
    search_t *search = self;
    (void)value;
    (void)err;
    search->found = search->found || (o->longName && strcmp(o->longName, search->name) == 0);
    return JUP_OK;
}

bool jup_option_is_given(const struct poptOption *table, int argc, const char **argv,
                         const char *name)
{
    search_t search = {.name = name};
    visit_all(table, argc, argv, look, &search, NULL);
    return search.found;
}

static jup_status_t check_pair(const struct poptOption *table, int argc, const char **argv,
                               const jup_option_pair_t *pair, jup_error_t *err)
{
    bool others = false;
    const char *const *other = pair->others;
    for (; *other && !others; other += !others)
        others = jup_option_is_given(table, argc, argv, *other);
    if (others == pair->needed)
        return JUP_OK;
    if (pair->needed)
        return jup_fail(err, JUP_EINPUT,
                        "--%s has no effect without --%s; add that, or leave it out", pair->option,
                        pair->others[0]);
    return jup_fail(err, JUP_EINPUT, "--%s does not go with --%s%s; leave one of them out",
                    pair->option, *other, pair->why ? pair->why : "");
}

jup_status_t jup_option_check_pairs(const struct poptOption *table, int argc, const char **argv,
                                    const jup_option_pair_t *pairs, size_t n, jup_error_t *err)
{
    for (size_t i = 0; i < n; i++)
        if (jup_option_is_given(table, argc, argv, pairs[i].option))
            JUP_TRY(check_pair(table, argc, argv, &pairs[i], err));
    return JUP_OK;
}
