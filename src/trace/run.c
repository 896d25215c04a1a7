#include "trace/run.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void jup_run_init(jup_run_t *run)
{
    memset(run, 0, sizeof *run);
}

void jup_run_reset(jup_run_t *run)
{
    for (size_t i = 0; i < run->n_meta; i++) {
        jup_free(run->meta[i].key);
        jup_free(run->meta[i].value);
    }
    for (size_t i = 0; i < run->n_summary; i++)
        jup_free(run->summary[i].key);
    jup_free(run->meta);
    jup_free(run->summary);
    jup_free(run->cluster);
    jup_free(run->plan);
    jup_free(run->ranks);
    jup_free(run->spans);
    jup_free(run->messages);
    jup_free(run->tokens);
    memset(run, 0, sizeof *run);
}

/* The entry of this key, made if need be. */
static jup_run_text_t *meta_entry(jup_run_t *run, const char *key)
{
    for (size_t i = 0; i < run->n_meta; i++)
        if (strcmp(run->meta[i].key, key) == 0)
            return &run->meta[i];
    run->meta = jup_resize(run->meta, run->n_meta + 1, sizeof *run->meta);
    jup_run_text_t *entry = &run->meta[run->n_meta++];
    *entry = (jup_run_text_t){.key = jup_strdup(key)};
    return entry;
}

void jup_run_set_meta(jup_run_t *run, const char *key, const char *value)
{
    jup_run_text_t *entry = meta_entry(run, key);
    char *copy = jup_strdup(value);
    jup_free(entry->value);
    entry->value = copy;
}

void jup_run_set_metaf(jup_run_t *run, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    jup_run_set_meta(run, key, text);
}

void jup_run_set_number(jup_run_t *run, const char *key, double value)
{
    for (size_t i = 0; i < run->n_summary; i++) {
        if (strcmp(run->summary[i].key, key) == 0) {
            run->summary[i].value = value;
            return;
        }
    }
    run->summary = jup_resize(run->summary, run->n_summary + 1, sizeof *run->summary);
    run->summary[run->n_summary++] = (jup_run_number_t){.key = jup_strdup(key), .value = value};
}

static void replace_text(char **text, const char *with)
{
    char *copy = with ? jup_strdup(with) : NULL;
    jup_free(*text);
    *text = copy;
}

void jup_run_set_cluster(jup_run_t *run, const char *yaml)
{
    replace_text(&run->cluster, yaml);
}

void jup_run_set_plan(jup_run_t *run, const char *yaml)
{
    replace_text(&run->plan, yaml);
}

const char *jup_run_get_meta(const jup_run_t *run, const char *key)
{
    for (size_t i = 0; i < run->n_meta; i++)
        if (strcmp(run->meta[i].key, key) == 0)
            return run->meta[i].value;
    return NULL;
}

double jup_run_get_number(const jup_run_t *run, const char *key, double otherwise)
{
    for (size_t i = 0; i < run->n_summary; i++)
        if (strcmp(run->summary[i].key, key) == 0)
            return run->summary[i].value;
    return otherwise;
}

static const char *guess_world(const jup_run_t *run)
{
    const char *named = getenv("JUPITER_WORLD");
    if (named && *named)
        return named;
    if (jup_clock_is_simulated())
        return "simulated";
    for (size_t i = 1; i < run->n_ranks; i++)
        if (strcmp(run->ranks[i].host, run->ranks[0].host) != 0)
            return "boards";
    return "local";
}

void jup_run_set_standard_meta(jup_run_t *run, const char *version, const char *world)
{
    char date[32];
    jup_clock_date(date);
    jup_run_set_meta(run, "date", date);
    jup_run_set_meta(run, "version", version);
    jup_run_set_meta(run, "clock", jup_clock_kind());
    jup_run_set_meta(run, "world", world && *world ? world : guess_world(run));
}

void jup_rank_record_init(jup_rank_record_t *record, int rank)
{
    memset(record, 0, sizeof *record);
    record->rank = rank;
    record->stage = record->member = -1;
    record->peak_resident_bytes = (int64_t)jup_mem_peak_resident_bytes();
    record->heap_peak_bytes = (int64_t)jup_mem_peak_bytes();
    if (gethostname(record->host, sizeof record->host - 1) != 0)
        record->host[0] = '\0';
}
