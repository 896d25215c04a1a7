#include "comm/watch_judge.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_watch_table_init(jup_watch_table_t *table, int ranks, double now_s)
{
    table->n = ranks;
    table->ranks = jup_new((size_t)ranks, sizeof *table->ranks);
    jup_watch_table_forgive(table, now_s);
}

void jup_watch_table_reset(jup_watch_table_t *table)
{
    jup_free(table->ranks);
    *table = (jup_watch_table_t){0};
}

void jup_watch_table_forgive(jup_watch_table_t *table, double now_s)
{
    for (int r = 0; r < table->n; r++)
        table->ranks[r].seen_s = table->ranks[r].busy_s = now_s;
}

void jup_watch_table_hear(jup_watch_table_t *table, const jup_watch_record_t *record, double now_s)
{
    if (record->rank < 0 || record->rank >= table->n)
        return;
    jup_watched_t *rank = &table->ranks[record->rank];
    rank->seen_s = now_s;
    rank->met = true;
    if (record->kind == JUP_WATCH_HELLO)
        snprintf(rank->host, sizeof rank->host, "%.*s", JUP_WATCH_NAME - 1, record->host);
    if (record->kind == JUP_WATCH_BYE)
        rank->left = true;
    if (record->kind != JUP_WATCH_BEAT)
        return;
    if (record->waits_for < 0 || record->finished != rank->beat.finished)
        rank->busy_s = now_s;
    rank->beat = *record;
}

/* ---- names ----------------------------------------------------------------------------------- */

void jup_watch_table_name(const jup_watch_table_t *table, int rank, char *text, size_t size)
{
    const jup_watched_t *r = &table->ranks[rank];
    if (r->device[0] && r->host[0])
        snprintf(text, size, "rank %d (device %s, host %s)", rank, r->device, r->host);
    else if (r->device[0] || r->host[0])
        snprintf(text, size, "rank %d (%s %s)", rank, r->device[0] ? "device" : "host",
                 r->device[0] ? r->device : r->host);
    else
        snprintf(text, size, "rank %d", rank);
}

static void add(char *text, size_t size, const char *more)
{
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s", more);
}

/* "a, b and c" of the ranks that are `such`; returns how many there are. */
static int list(const jup_watch_table_t *table, const bool *such, char *text, size_t size)
{
    int n = 0, listed = 0;
    text[0] = '\0';
    for (int r = 0; r < table->n; r++)
        n += such[r];
    for (int r = 0; r < table->n; r++) {
        char name[200];
        if (!such[r])
            continue;
        jup_watch_table_name(table, r, name, sizeof name);
        add(text, size, listed == 0 ? "" : listed + 1 < n ? ", " : " and ");
        add(text, size, name);
        listed++;
    }
    return n;
}

/* ---- gone, or silent ------------------------------------------------------------------------- */

bool jup_watch_judge_gone(const jup_watch_table_t *table, char *text, size_t size)
{
    char names[600];
    bool *such = jup_new((size_t)table->n, sizeof *such);
    for (int r = 0; r < table->n; r++)
        such[r] = table->ranks[r].gone;
    int n = list(table, such, names, sizeof names);
    jup_free(such);
    if (n > 0)
        snprintf(text, size,
                 "%s %s gone: %s ended without a word (killed, crashed, without power, or ended by "
                 "Open MPI, which says above whom it could not reach)",
                 names, n > 1 ? "are" : "is", n > 1 ? "their processes" : "its process");
    return n > 0;
}

static bool is_watched(const jup_watched_t *rank)
{
    return rank->met && !rank->left && !rank->gone;
}

/* When one has been silent for too long, the others that are silent are named with it. */
bool jup_watch_judge_silent(const jup_watch_table_t *table, double now_s, double limit_s,
                            char *text, size_t size)
{
    char names[600];
    double longest_s = 0;
    bool *such = jup_new((size_t)table->n, sizeof *such);
    for (int r = 0; r < table->n; r++) {
        const jup_watched_t *rank = &table->ranks[r];
        double silent_s = is_watched(rank) ? now_s - rank->seen_s : 0;
        such[r] = silent_s > 0.8 * limit_s;
        longest_s = silent_s > longest_s ? silent_s : longest_s;
    }
    int n = list(table, such, names, sizeof names);
    jup_free(such);
    if (longest_s <= limit_s)
        return false;
    snprintf(text, size, "%s %s not answered for %.0f s: frozen, or the link is cut", names,
             n > 1 ? "have" : "has", limit_s);
    return true;
}

bool jup_watch_judge_absent(const jup_watch_table_t *table, double now_s, double limit_s,
                            char *text, size_t size)
{
    char names[600];
    bool *such = jup_new((size_t)table->n, sizeof *such);
    for (int r = 1; r < table->n; r++)
        such[r] = !table->ranks[r].met && now_s - table->ranks[r].seen_s > limit_s;
    int n = list(table, such, names, sizeof names);
    jup_free(such);
    if (n > 0)
        snprintf(text, size, "%s %s not come within %.0f s: frozen, cut off or not this program",
                 names, n > 1 ? "have" : "has", limit_s);
    return n > 0;
}

/* ---- all answer, and nothing moves ----------------------------------------------------------- */

static const jup_watch_traffic_t *traffic(const jup_watch_table_t *table, int rank, int peer)
{
    const jup_watch_record_t *beat = &table->ranks[rank].beat;
    for (int i = 0; i < beat->n && i < JUP_WATCH_PEERS; i++)
        if (beat->traffic[i].peer == peer)
            return &beat->traffic[i];
    return NULL;
}

/* Whether `rank` waits for something that its peer has sent, or for it to take what is sent. */
static bool is_cut(const jup_watch_table_t *table, int rank)
{
    const jup_watch_record_t *beat = &table->ranks[rank].beat;
    int peer = beat->waits_for;
    if (peer < 0 || peer >= table->n)
        return false;
    const jup_watch_traffic_t *mine = traffic(table, rank, peer);
    const jup_watch_traffic_t *theirs = traffic(table, peer, rank);
    if (beat->sending)
        return table->ranks[peer].beat.waits_for == rank && !table->ranks[peer].beat.sending;
    return !table->ranks[peer].met || (theirs && theirs->sent > (mine ? mine->got : 0));
}

/* Whom to name: the receiver of a message that does not arrive, else whoever waits. */
static int find_stuck(const jup_watch_table_t *table)
{
    int waits = -1;
    for (int r = 0; r < table->n; r++) {
        if (is_cut(table, r))
            return r;
        if (waits < 0 && table->ranks[r].beat.waits_for >= 0)
            waits = r;
    }
    return waits;
}

/* Ranks that are through, or cannot report, are no sign of life. */
static bool nothing_moves(const jup_watch_table_t *table, double now_s, double limit_s)
{
    for (int r = 0; r < table->n; r++) {
        const jup_watched_t *rank = &table->ranks[r];
        if (rank->left || (rank->met && now_s - rank->busy_s <= limit_s))
            return false;
    }
    return true;
}

bool jup_watch_judge_stuck(const jup_watch_table_t *table, double now_s, double limit_s, char *text,
                           size_t size)
{
    char rank_name[200], peer_name[200];
    int rank = nothing_moves(table, now_s, limit_s) ? find_stuck(table) : -1;
    int peer = rank < 0 ? -1 : table->ranks[rank].beat.waits_for;
    if (peer < 0 || peer >= table->n)
        return false;
    jup_watch_table_name(table, rank, rank_name, sizeof rank_name);
    jup_watch_table_name(table, peer, peer_name, sizeof peer_name);
    snprintf(text, size, "%s has waited for %s for %.0f s while all others wait: %s", rank_name,
             peer_name, limit_s,
             table->ranks[peer].met ? "the link between the two is cut"
                                    : "it is frozen, or its links are cut");
    return true;
}
