/* jupiter strategies: the ways in which ranks can share the work, a line each. */
#include "app/commands.h"
#include "app/options.h"
#include "strategy/strategies.h"

#include <stdio.h>

static void list(void)
{
    int n;
    const jup_strategy_t *all = jup_strategies(&n);
    for (int i = 0; i < n; i++)
        printf("%-14s %-9s %s\n", all[i].name,
               jup_strategy_is_lossless(&all[i]) ? "lossless" : "lossy", all[i].summary);
}

int jup_cmd_strategies(int argc, const char **argv)
{
    jup_options_t options = {0};
    jup_error_t err;
    const struct poptOption table[] = {JUP_OPTION_HELP, POPT_TABLEEND};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = jup_options_parse(&options, argc, argv, table, "", false, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK)
        list();
    jup_options_reset(&options);
    return status == JUP_OK ? 0 : jup_report(&err);
}
