#include "app/run_lacks.h"

#include "app/options.h"

#include <stdbool.h>
#include <string.h>

/* Each name with a space on both sides. */
static const struct {
    const char *command, *names;
} lacks[] = {
    {"chat", " prompt file questions results journal resume parallel logits logprobs json script "
             "outline max-points early-points "},
    {"serve", " prompt file questions results journal resume logits logprobs json script outline "
              "stop system typical tokens ignore-eos shape type prompt-tokens "},
    {"perplexity",
     " generate ignore-eos stop temperature top-k top-p min-p repeat-penalty repeat-last seed "
     "logits logprobs tokens shape type prompt-tokens outline max-points early-points questions "
     "results journal resume parallel prompts system speculate heads draft tree accuracy script "
     "typical no-cancel "},
    {"bench",
     " prompt file questions results journal resume parallel outline max-points early-points "
     "prompts system script stop ignore-eos no-bos special logits logprobs json tokens shape "
     "type "},
};

static bool holds(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strstr(names, name); at; at = strstr(at + 1, name))
        if (at[-1] == ' ' && at[n] == ' ')
            return true;
    return false;
}

static void mark(const char *names, struct poptOption *table)
{
    for (struct poptOption *o = table; o->longName || o->shortName || o->arg; o++) {
        if ((o->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE)
            mark(names, o->arg);
        else if (o->longName && holds(names, o->longName))
            jup_option_lack(o);
    }
}

void jup_run_lacks(const char *command, struct poptOption *table)
{
    for (size_t i = 0; i < sizeof lacks / sizeof lacks[0]; i++)
        if (strcmp(command, lacks[i].command) == 0)
            mark(lacks[i].names, table);
}
