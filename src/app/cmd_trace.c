/* jupiter trace: looks at the run file of an earlier run. */
#include "app/claims.h"
#include "app/commands.h"
#include "app/options.h"
#include "base/mem.h"
#include "base/output.h"
#include "trace/chrome.h"
#include "trace/report.h"
#include "trace/run_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct trace_options {
    char *output;
    int width, meta;
} trace_options_t;

static jup_status_t print_summary(const jup_run_t *run, const char *path, const trace_options_t *o,
                                  jup_error_t *err)
{
    (void)path;
    JUP_TRY(jup_check_int("--width", o->width, 16, 1000, err));
    jup_analysis_t analysis;
    jup_analysis_init(&analysis, run);
    if (o->meta)
        jup_report_meta(stdout, run);
    jup_report_summary(stdout, run, &analysis);
    jup_report_timeline(stdout, run, &analysis, o->width);
    jup_analysis_reset(&analysis);
    return JUP_OK;
}

/* "run.h5" -> "run.json"; a new block. */
static char *json_name(const char *path)
{
    size_t length = strlen(path), bytes = length + 6;
    if (length > 3 && strcmp(path + length - 3, ".h5") == 0)
        length -= 3;
    char *name = jup_new(bytes, 1);
    snprintf(name, bytes, "%.*s.json", (int)length, path);
    return name;
}

static jup_status_t write_to(const char *name, const char *from, const jup_run_t *run,
                             jup_error_t *err)
{
    jup_output_t out;
    const jup_output_claim_t claims[] = {{"trace", from, false}, {"-o", name, true}};
    JUP_TRY(jup_claims_check(claims, 2, err));
    JUP_TRY(jup_output_open(&out, name, err));
    jup_chrome_write(out.file, run);
    JUP_TRY(jup_output_close(&out, err));
    if (strcmp(name, "-") != 0)
        fprintf(stderr, "wrote %s; open it in https://ui.perfetto.dev or chrome://tracing\n", name);
    return JUP_OK;
}

static jup_status_t write_chrome(const jup_run_t *run, const char *path, const trace_options_t *o,
                                 jup_error_t *err)
{
    char *made = o->output ? NULL : json_name(path);
    jup_status_t status = write_to(o->output ? o->output : made, path, run, err);
    jup_free(made);
    return status;
}

typedef struct view {
    const char *name;
    const char *lacks[3]; /* options of others */
    jup_status_t (*show)(const jup_run_t *run, const char *path, const trace_options_t *o,
                         jup_error_t *err);
} view_t;

static const view_t *find_view(const char *name)
{
    static const view_t views[] = {{"summary", {"output"}, print_summary},
                                   {"chrome", {"width", "meta"}, write_chrome}};
    for (size_t i = 0; name && i < sizeof views / sizeof views[0]; i++)
        if (strcmp(views[i].name, name) == 0)
            return &views[i];
    return NULL;
}

static jup_status_t check_lacks(const view_t *view, const jup_options_t *options, jup_error_t *err)
{
    for (const char *const *name = view->lacks; *name; name++)
        if (jup_options_is_given(options, *name))
            return jup_fail(err, JUP_EINPUT, "--%s has no effect on trace %s; leave it out", *name,
                            view->name);
    return JUP_OK;
}

/* What is left of the arguments: a view and one file. */
static jup_status_t trace(const jup_options_t *options, const trace_options_t *o, jup_error_t *err)
{
    poptContext context = options->context;
    const char *name = poptGetArg(context), *path = poptGetArg(context);
    const char *extra = poptGetArg(context);
    const view_t *view = find_view(name);
    if (name && !view)
        return jup_fail(err, JUP_EINPUT,
                        "trace: '%s' is unknown; use 'summary' or 'chrome', then a FILE", name);
    if (!path)
        return jup_fail(err, JUP_EINPUT,
                        "trace: no file given; use jupiter trace summary FILE or jupiter trace "
                        "chrome FILE");
    if (extra)
        return jup_fail(err, JUP_EINPUT, "trace: unexpected argument '%s'; give one file", extra);
    JUP_TRY(check_lacks(view, options, err));
    jup_run_t run;
    jup_run_init(&run);
    JUP_TRY(jup_run_file_read(path, &run, err));
    jup_status_t status = view->show(&run, path, o, err);
    jup_run_reset(&run);
    return status;
}

int jup_cmd_trace(int argc, const char **argv)
{
    trace_options_t o = {.width = 100};
    jup_options_t options = {0};
    jup_error_t err;
    const struct poptOption table[] = {
        {"output", 'o', POPT_ARG_STRING, &o.output, 0,
         "chrome: where to write (default: FILE with .json for .h5; - for standard output)",
         "FILE.json"},
        {"width", 'w', POPT_ARG_INT, &o.width, 0, "summary: columns of the timeline (default: 100)",
         "N"},
        {"meta", 0, POPT_ARG_NONE, &o.meta, 0, "summary: all that is known about the run, too",
         NULL},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = jup_options_parse(&options, argc, argv, table,
                                            "summary|chrome FILE.h5 [-o FILE.json]", true, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK)
        status = trace(&options, &o, &err);
    jup_options_reset(&options);
    free(o.output);
    return status == JUP_OK ? 0 : jup_report(&err);
}
