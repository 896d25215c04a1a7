#include "app/ask_options.h"

#include "app/options.h"
#include "ask/outline.h"
#include "base/decimal.h"
#include "decode/tree.h"

#include <stdlib.h>
#include <string.h>

/* popt writes NULL for --outline without a value; this is still there when it never came. */
static char not_given[] = "off";

void jup_ask_options_init(jup_ask_options_t *o)
{
    memset(o, 0, sizeof *o);
    o->max_points = 10;
    o->outline_name = not_given;
    const struct poptOption table[] = {
        {"outline", 0, POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &o->outline_name, 0,
         "take the prompt as a question, answer it by an outline whose points are written at the "
         "same time; auto: where the question suits one",
         "on|auto|off"},
        {"max-points", 0, POPT_ARG_INT, &o->max_points, 0, "points of an outline at most (10)",
         "N"},
        {"early-points", 0, POPT_ARG_NONE, &o->early_points, 0,
         "begin a point as soon as its line of the outline is written: it sees the outline up to "
         "there, not all of it, so other points come out",
         NULL},
        {"questions", 0, POPT_ARG_STRING, &o->questions, 0,
         "answer many questions, one JSON object with \"question\" a line", "FILE.jsonl"},
        {"results", 0, POPT_ARG_STRING, &o->results, 0,
         "add their answers to a file, one JSON object a line (default: standard output)",
         "FILE.jsonl"},
        {"journal", 0, POPT_ARG_STRING, &o->journal, 0,
         "keep what becomes known in a new file, for --resume", "FILE"},
        {"resume", 0, POPT_ARG_STRING, &o->resume, 0,
         "go on from a journal, whatever the ranks: same text, nothing asked twice; keeps on "
         "writing it",
         "FILE"},
        {"parallel", 0, POPT_ARG_INT, &o->parallel, 0,
         "how many questions to work on at a time (default: enough to fill the pipe)", "N"},
        {"prompts", 0, POPT_ARG_STRING, &o->prompts, 0,
         "take the prompt as a question, in this form (default: as the model's file says); "
         "template: "
         "its own, rendered by python3",
         "NAME|FILE|template"},
        {"system", 0, POPT_ARG_STRING, &o->system, 0,
         "a text for the system turn, in place of the template's own", "TEXT"},
        {"speculate", 0, POPT_ARG_STRING, &o->speculate, 0,
         "guess tokens ahead and verify them: none, lookup, medusa, model, form (what an outline's "
         "lines must begin with), auto or several with commas between (none)",
         "SOURCE"},
        {"heads", 0, POPT_ARG_STRING, &o->heads, 0, "the heads of --speculate medusa",
         "FILE.safetensors"},
        {"draft", 0, POPT_ARG_STRING, &o->draft, 0, "the small model of --speculate model",
         "FILE.gguf"},
        {"tree", 0, POPT_ARG_STRING, &o->tree, 0,
         "candidates verified at once: a number, chain, chain:N, or auto, the size measured to "
         "be best (auto)",
         "N|chain|auto"},
        {"accuracy", 0, POPT_ARG_STRING, &o->accuracy, 0,
         "accuracies of the heads to start from, measured earlier", "FILE"},
        {"script", 0, POPT_ARG_STRING, &o->script, 0,
         "for a phantom: lengths of prompts, outlines and answers, and how often guesses come true",
         "FILE.yaml"},
        {"typical", 0, POPT_ARG_FLOAT, &o->typical, 0,
         "accept candidates more likely than X: approximate, changes answers (0: exact)", "X"},
        {"window", 0, POPT_ARG_INT, &o->window, 0,
         "steps in flight at most (default: ranks + 1; with --speculate, as measuring finds best)",
         "N"},
        {"no-cancel", 0, POPT_ARG_NONE, &o->no_cancel, 0,
         "compute to the end what guesses that proved wrong have set going: same answers, later "
         "(for measuring what stopping it brings)",
         NULL},
        POPT_TABLEEND};
    _Static_assert(sizeof table == sizeof o->table, "as many as there are options");
    memcpy(o->table, table, sizeof table);
}

void jup_ask_options_reset(jup_ask_options_t *o)
{
    if (o->outline_name != not_given)
        free(o->outline_name);
    char *const texts[] = {o->speculate, o->heads, o->tree,   o->questions, o->prompts, o->results,
                           o->accuracy,  o->draft, o->script, o->system,    o->journal, o->resume};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

static jup_status_t check_outline(jup_ask_options_t *o, jup_error_t *err)
{
    const char *name = o->outline_name ? o->outline_name : "on";
    if (strcmp(name, "on") == 0)
        o->outline = JUP_OUTLINE_ON;
    else if (strcmp(name, "auto") == 0)
        o->outline = JUP_OUTLINE_AUTO;
    else if (strcmp(name, "off") != 0)
        return jup_fail(err, JUP_EINPUT, "--outline is '%s', must be on, auto or off", name);
    return JUP_OK;
}

static jup_status_t check_source(jup_ask_options_t *o, const char *name, size_t n, jup_error_t *err)
{
    const struct {
        const char *name;
        bool lookup, medusa, model, form;
    } sources[] = {{"none", false, false, false, false},
                   {"lookup", true, false, false, false},
                   {"medusa", false, true, false, false},
                   {"model", false, false, true, false},
                   {"form", false, false, false, true},
                   {"auto", true, o->heads != NULL, o->draft != NULL, true}};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strlen(sources[i].name) != n || strncmp(sources[i].name, name, n) != 0)
            continue;
        o->lookup = o->lookup || sources[i].lookup;
        o->medusa = o->medusa || sources[i].medusa;
        o->model = o->model || sources[i].model;
        o->form = o->form || sources[i].form;
        return JUP_OK;
    }
    return jup_fail(err, JUP_EINPUT,
                    "--speculate names '%.*s', must be none, lookup, medusa, model, form or "
                    "auto",
                    (int)n, name);
}

static jup_status_t idle(const char *option, const char *needs, jup_error_t *err)
{
    return jup_fail(err, JUP_EINPUT, "%s has no effect without %s; add that, or leave it out",
                    option, needs);
}

/* What would have no effect. */
static jup_status_t check_idle(const jup_ask_options_t *o, jup_error_t *err)
{
    bool guesses = o->lookup || o->medusa || o->model || o->form;
    if (o->speculate && strstr(o->speculate, "none") && strcmp(o->speculate, "none") != 0)
        return jup_fail(err, JUP_EINPUT, "--speculate is '%s': none does not go with others",
                        o->speculate);
    if (o->heads && !o->medusa)
        return idle("--heads", "--speculate medusa", err);
    if (o->draft && !o->model)
        return idle("--draft", "--speculate model", err);
    if (o->accuracy && !o->medusa && !o->script)
        return idle("--accuracy", "--speculate medusa", err);
    if (o->tree && !guesses && !o->script)
        return idle("--tree", "--speculate", err);
    if (o->no_cancel && !guesses && !o->script)
        return idle("--no-cancel", "--speculate", err);
    if (o->early_points && o->outline == JUP_OUTLINE_OFF && !o->script && !o->serve)
        return idle("--early-points", "--outline", err);
    if (o->results && !o->questions)
        return idle("--results", "--questions", err);
    return JUP_OK;
}

static jup_status_t check_sources(jup_ask_options_t *o, jup_error_t *err)
{
    for (const char *at = o->speculate; at && *at; at += strspn(at, ",")) {
        size_t n = strcspn(at, ",");
        JUP_TRY(check_source(o, at, n, err));
        at += n;
    }
    if (o->medusa && !o->heads)
        return jup_fail(err, JUP_EINPUT,
                        "--speculate medusa needs the heads; give them with --heads FILE");
    if (o->model && !o->draft)
        return jup_fail(err, JUP_EINPUT,
                        "--speculate model needs a small model; give it with --draft FILE");
    if (o->heads && !o->speculate)
        o->medusa = true;
    return check_idle(o, err);
}

static jup_status_t check_tree(jup_ask_options_t *o, jup_error_t *err)
{
    const char *tree = o->tree ? o->tree : "auto";
    if (strcmp(tree, "auto") == 0)
        return JUP_OK;
    if (strncmp(tree, "chain", 5) == 0) {
        o->chain = true;
        tree += 5 + (tree[5] == ':');
        if (!*tree)
            return JUP_OK;
    }
    long long nodes;
    const char *end = jup_decimal_read(tree, &nodes);
    if (end == tree || *end || nodes < 1 || nodes > JUP_TREE_NODES)
        return jup_fail(err, JUP_EINPUT,
                        "--tree is '%s', must be 1 to %d nodes, chain, chain:N or auto", o->tree,
                        JUP_TREE_NODES);
    o->nodes = (int32_t)nodes;
    return JUP_OK;
}

/* A script says all that these would. */
static jup_status_t check_script(const jup_ask_options_t *o, jup_error_t *err)
{
    const char *other = o->questions               ? "--questions"
                        : o->outline               ? "--outline"
                        : o->speculate || o->heads ? "--speculate"
                        : o->typical > 0           ? "--typical"
                                                   : NULL;
    if (!o->script || !other)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s does not go with --script, whose file says it; leave it out", other);
}

static jup_status_t check_journal(const jup_ask_options_t *o, jup_error_t *err)
{
    if (o->journal && o->resume)
        return jup_fail(
            err, JUP_EINPUT,
            "both --journal and --resume are given; --resume keeps on writing its file");
    return JUP_OK;
}

jup_status_t jup_ask_options_check(jup_ask_options_t *o, jup_error_t *err)
{
    JUP_TRY(check_outline(o, err));
    JUP_TRY(check_sources(o, err));
    JUP_TRY(check_tree(o, err));
    JUP_TRY(check_script(o, err));
    JUP_TRY(check_journal(o, err));
    JUP_TRY(jup_check_int("--max-points", o->max_points, 2, JUP_OUTLINE_POINTS, err));
    JUP_TRY(jup_check_int("--parallel", o->parallel, 0, 64, err));
    JUP_TRY(jup_check_int("--window", o->window, 0, 64, err));
    return jup_check_float("--typical", (double)o->typical, 0, 1, err);
}

bool jup_ask_wanted(const jup_ask_options_t *o)
{
    return o->chat || o->serve || o->outline != JUP_OUTLINE_OFF || o->questions || o->prompts ||
           o->system || o->lookup || o->medusa || o->model || o->form || o->script || o->window > 0;
}

bool jup_ask_takes_questions(const jup_ask_options_t *o)
{
    return o->chat || o->serve || o->questions || o->outline != JUP_OUTLINE_OFF || o->prompts ||
           o->system;
}
