#include "app/options.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Up to and with the entry that ends it. */
static struct poptOption *copy_table(const struct poptOption *table)
{
    size_t n = 1;
    for (const struct poptOption *o = table; o->longName || o->shortName || o->arg; o++)
        n++;
    struct poptOption *copy = jup_new(n, sizeof *copy);
    return memcpy(copy, table, n * sizeof *copy);
}

jup_status_t jup_options_parse(jup_options_t *options, int argc, const char **argv,
                               const struct poptOption *table, const char *usage, bool takes_args,
                               jup_error_t *err)
{
    options->command = argv[0];
    options->help = false;
    options->table = copy_table(table);
    options->argv = jup_new((size_t)argc + 1, sizeof *options->argv);
    memcpy(options->argv, argv, (size_t)argc * sizeof *argv);
    snprintf(options->name, sizeof options->name, "jupiter %s", argv[0]);
    options->argv[0] = options->name; /* which popt shows in the help */
    options->context = poptGetContext(options->name, argc, options->argv, options->table, 0);
    poptSetOtherOptionHelp(options->context, usage);

    int code;
    while ((code = poptGetNextOpt(options->context)) > 0) {
        if (code == JUP_OPTION_HELP_VALUE) {
            options->help = true;
            return JUP_OK;
        }
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

void jup_options_print_help(jup_options_t *options)
{
    poptPrintHelp(options->context, stdout, 0);
}

void jup_options_reset(jup_options_t *options)
{
    if (options->context)
        poptFreeContext(options->context);
    jup_free(options->table);
    jup_free(options->argv);
    options->argv = NULL;
    options->context = NULL;
    options->table = NULL;
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

int jup_report(const jup_error_t *err)
{
    fprintf(stderr, "jupiter: %s\n", err->text);
    return (int)err->code;
}

bool jup_launched_beside_others(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *rank = getenv(variables[i]);
        if (rank)
            return strcmp(rank, "0") != 0;
    }
    return false;
}
