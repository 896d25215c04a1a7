#include "app/options.h"

#include "app/manual.h"
#include "app/numbers.h"
#include "base/mem.h"
#include "comm/muster.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LACKED_VALUE = 'l' };
enum { NUMBER_VALUE = 1000 }; /* what popt returns for the first number */

static size_t count_entries(const struct poptOption *table)
{
    size_t n = 1; /* with the one that ends it */
    for (const struct poptOption *o = table; o->longName || o->shortName || o->arg; o++)
        n++;
    return n;
}

void jup_option_lack(struct poptOption *option)
{
    option->argInfo |= POPT_ARGFLAG_DOC_HIDDEN;
    option->val = LACKED_VALUE;
}

bool jup_option_is_lacked(const struct poptOption *option)
{
    return option->val == LACKED_VALUE;
}

/* Numbers become texts (app/numbers.h), as do values of what is refused; one table may be
 * included. */
static struct poptOption *copy_table(jup_options_t *options, const struct poptOption *table)
{
    size_t n = count_entries(table);
    struct poptOption *copy = jup_new(n, sizeof *copy);
    memcpy(copy, table, n * sizeof *copy);
    for (size_t i = 0; i + 1 < n; i++) {
        if ((table[i].argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE) {
            assert(!options->nested);
            copy[i].arg = options->nested = copy_table(options, table[i].arg);
        } else if (jup_number_is_asked(&table[i]) || jup_option_is_lacked(&table[i])) {
            assert(options->n_numbers < JUP_OPTION_NUMBERS);
            if ((table[i].argInfo & POPT_ARG_MASK) != POPT_ARG_NONE)
                copy[i].argInfo = (table[i].argInfo & ~(unsigned)POPT_ARG_MASK) | POPT_ARG_STRING;
            copy[i].arg = NULL;
            copy[i].val = NUMBER_VALUE + options->n_numbers;
            options->numbers[options->n_numbers++] = &table[i];
        }
    }
    return copy;
}

static jup_status_t take_number(const jup_options_t *options, int code, jup_error_t *err)
{
    const struct poptOption *option = options->numbers[code - NUMBER_VALUE];
    char *text = poptGetOptArg(options->context);
    jup_status_t status = jup_option_is_lacked(option)
                              ? jup_fail(err, JUP_EINPUT, "--%s does not go with %s; see %s --help",
                                         option->longName, options->command, options->name)
                              : jup_number_take(option, text ? text : "", err);
    free(text);
    return status;
}

static jup_status_t take_help(jup_options_t *options, jup_error_t *err)
{
    options->format = poptGetOptArg(options->context);
    options->help = true;
    if (options->format && !jup_manual_knows(options->format))
        return jup_fail(err, JUP_EINPUT, "--help is '%s', must be man, bash or zsh, or nothing",
                        options->format);
    return JUP_OK;
}

jup_status_t jup_options_parse(jup_options_t *options, int argc, const char **argv,
                               const struct poptOption *table, const char *usage, bool takes_args,
                               jup_error_t *err)
{
    *options = (jup_options_t){.command = argv[0], .usage = usage};
    JUP_TRY(jup_option_check_once(table, argc, argv, err));
    options->table = copy_table(options, table);
    options->argc = argc;
    options->argv = jup_new((size_t)argc + 1, sizeof *options->argv);
    memcpy(options->argv, argv, (size_t)argc * sizeof *argv);
    snprintf(options->name, sizeof options->name, "jupiter %s", argv[0]);
    options->argv[0] = options->name; /* which popt shows in the help */
    options->context = poptGetContext(options->name, argc, options->argv, options->table, 0);
    poptSetOtherOptionHelp(options->context, usage);

    int code;
    while ((code = poptGetNextOpt(options->context)) > 0) {
        if (code == JUP_OPTION_HELP_VALUE)
            return take_help(options, err);
        if (code >= NUMBER_VALUE)
            JUP_TRY(take_number(options, code, err));
    }
    if (code < -1)
        return jup_fail(err, JUP_EINPUT, "%s: %s; see jupiter %s --help",
                        poptBadOption(options->context, POPT_BADOPTION_NOALIAS), poptStrerror(code),
                        argv[0]);
    const char *extra = takes_args ? NULL : poptPeekArg(options->context);
    if (extra)
        return jup_fail(err, JUP_EINPUT, "unexpected argument '%s'; see jupiter %s --help", extra,
                        argv[0]);
    return JUP_OK;
}

bool jup_options_is_given(const jup_options_t *options, const char *name)
{
    return jup_option_is_given(options->table, options->argc, options->argv, name);
}

jup_status_t jup_options_check_pairs(const jup_options_t *options, const jup_option_pair_t *pairs,
                                     size_t n, jup_error_t *err)
{
    return jup_option_check_pairs(options->table, options->argc, options->argv, pairs, n, err);
}

void jup_options_print_help(jup_options_t *options)
{
    if (options->format)
        jup_manual_write(stdout, options->format, options->command, options->usage, options->table);
    else
        poptPrintHelp(options->context, stdout, 0);
}

void jup_options_reset(jup_options_t *options)
{
    if (options->context)
        poptFreeContext(options->context);
    free(options->format); /* popt's, not ours */
    jup_free(options->table);
    jup_free(options->nested);
    jup_free(options->argv);
    options->argv = NULL;
    options->context = NULL;
    options->format = NULL;
    options->table = options->nested = NULL;
}

jup_status_t jup_check_int(const char *option, int64_t value, int64_t least, int64_t most,
                           jup_error_t *err)
{
    if (value >= least && value <= most)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "%s is %lld, must be between %lld and %lld", option,
                    (long long)value, (long long)least, (long long)most);
}

jup_status_t jup_check_exchange(const char *name, jup_exchange_t *exchange, jup_error_t *err)
{
    int found = name ? jup_exchange_by_name(name) : JUP_EXCHANGE_AUTO;
    if (found < 0)
        return jup_fail(err, JUP_EINPUT, "--exchange is '%s', must be auto, ring, direct or whole",
                        name);
    *exchange = (jup_exchange_t)found;
    return JUP_OK;
}

jup_status_t jup_check_float(const char *option, double value, double least, double most,
                             jup_error_t *err)
{
    if (value >= least && value <= most)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "%s is %g, must be between %g and %g", option, value, least,
                    most);
}

jup_status_t jup_check_type(const char *option, const char *name, jup_dtype_t usual,
                            jup_dtype_t *type, jup_error_t *err)
{
    *type = usual;
    if (!name)
        return JUP_OK;
    const jup_dtype_info_t *info = jup_dtype_by_name(name);
    if (!info)
        return jup_fail(err, JUP_EINPUT, "%s is '%s', must be %s", option, name,
                        jup_dtype_names().text);
    *type = info->dtype;
    return JUP_OK;
}

jup_status_t jup_check_half_or_single(const char *option, const char *name, jup_dtype_t *type,
                                      jup_error_t *err)
{
    *type = JUP_F16;
    if (name && strcasecmp(name, "f32") == 0)
        *type = JUP_F32;
    else if (name && strcasecmp(name, "f16") != 0)
        return jup_fail(err, JUP_EINPUT, "%s is '%s', must be f16 or f32", option, name);
    return JUP_OK;
}

jup_status_t jup_check_watch(float seconds, jup_error_t *err)
{
    if (seconds > 0 && seconds < 2)
        return jup_fail(err, JUP_EINPUT, "--watch is %g, must be 0 or between 2 and 86400",
                        (double)seconds);
    return jup_check_float("--watch", (double)seconds, 0, 86400, err);
}

double jup_options_watch_s(int argc, const char **argv)
{
    const double usual_s = 30;
    for (int i = 1; i < argc; i++) {
        const char *value = strncmp(argv[i], "--watch=", 8) == 0             ? argv[i] + 8
                            : strcmp(argv[i], "--watch") == 0 && argv[i + 1] ? argv[i + 1]
                                                                             : NULL;
        if (value)
            return fmax(0, strtod(value, NULL));
    }
    return usual_s;
}

int jup_report(const jup_error_t *err)
{
    if (err->code == JUP_STOPPED || err->code == JUP_TERMINATED)
        return (int)err->code; /* said when the signal came */
    fprintf(stderr, "jupiter: %s\n", err->text);
    return (int)err->code;
}

bool jup_launched_beside_others(void)
{
    return jup_muster_rank() != 0;
}
