#include "ask/reply.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_reply_init(jup_reply_t *reply, int32_t question)
{
    memset(reply, 0, sizeof *reply);
    reply->question = question;
    reply->trunk.handle = reply->plain.handle = -1;
}

static void reset_branch(jup_branch_t *branch)
{
    if (branch->begun)
        jup_answer_reset(&branch->answer);
    jup_prompt_reset(&branch->prompt);
}

void jup_reply_reset(jup_reply_t *reply)
{
    reset_branch(&reply->trunk);
    reset_branch(&reply->plain);
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        reset_branch(&reply->points[i]);
    jup_free(reply->points);
    jup_free(reply->problem);
    jup_free(reply->text);
    memset(reply, 0, sizeof *reply);
}

void jup_reply_branch_out(jup_reply_t *reply, const jup_outline_t *outline)
{
    reply->has_outline = true;
    reply->outline = *outline;
    if (reply->points)
        return;
    reply->points = jup_new(JUP_OUTLINE_POINTS, sizeof *reply->points);
    for (int32_t i = 0; i < JUP_OUTLINE_POINTS; i++) {
        reply->points[i].handle = -1;
        reply->points[i].number = i + 1;
    }
}

jup_branch_t *jup_reply_branch_of(jup_reply_t *reply, int32_t handle)
{
    if (reply->trunk.handle == handle)
        return &reply->trunk;
    if (reply->plain.handle == handle)
        return &reply->plain;
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        if (reply->points[i].handle == handle)
            return &reply->points[i];
    return NULL;
}

bool jup_reply_outline_ended(const jup_reply_t *reply)
{
    if (!reply->trunk.ended)
        return false;
    for (int32_t i = 0; i < reply->outline.n; i++)
        if (!reply->points[i].ended)
            return false;
    return true;
}

static void cut_branch(jup_branch_t *branch, jup_answer_end_t end, double now_s)
{
    if (!branch->begun || branch->ended)
        return;
    branch->answer.end = end;
    branch->ended = true;
    branch->end_s = now_s;
    jup_answer_finish(&branch->answer);
}

void jup_reply_cut(jup_reply_t *reply, jup_answer_end_t end, double now_s)
{
    reply->cut = true;
    cut_branch(&reply->trunk, end, now_s);
    cut_branch(&reply->plain, end, now_s);
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        cut_branch(&reply->points[i], end, now_s);
}

jup_answer_end_t jup_reply_end(const jup_reply_t *reply)
{
    jup_answer_end_t end = JUP_END_LENGTH;
    if (reply->cut)
        return JUP_END_INTERRUPTED;
    if (!reply->has_outline)
        return reply->plain.answer.end;
    for (int32_t i = 0; i < reply->outline.n; i++) {
        end = reply->points[i].answer.end;
        if (end != JUP_END_OF_TEXT && end != JUP_END_STOP)
            break;
    }
    return end;
}

/* ---- text ------------------------------------------------------------------------------------ */

enum { HEADING = JUP_OUTLINE_TITLE + 16 };

static const char *heading_of(const jup_reply_t *reply, int32_t point, char text[HEADING])
{
    snprintf(text, HEADING, "%d. %s\n", point + 1, reply->outline.points[point].title);
    return text;
}

char *jup_reply_join(const jup_reply_t *reply)
{
    if (!reply->has_outline)
        return jup_strdup(reply->plain.begun ? reply->plain.answer.text : "");
    size_t bytes = 1, at = 0;
    for (int32_t i = 0; i < reply->outline.n; i++)
        bytes += HEADING + 2 + reply->points[i].answer.length;
    char *text = jup_new(bytes, 1), heading[HEADING];
    for (int32_t i = 0; i < reply->outline.n; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%s%s%s", i ? "\n\n" : "",
                               heading_of(reply, i, heading),
                               reply->points[i].begun ? reply->points[i].answer.text : "");
    return text;
}

/* Ids have a line for each point, texts a heading above and an empty line between. */
static void show_heading(jup_reply_t *reply, jup_show_t *show)
{
    char heading[HEADING];
    if (reply->showing > 0)
        jup_show_text(show, show->ids ? "\n" : "\n\n");
    if (!show->ids)
        jup_show_text(show, heading_of(reply, reply->showing, heading));
}

static void show_points(jup_reply_t *reply, jup_show_t *show)
{
    for (; reply->showing < reply->outline.n; reply->showing++) {
        jup_branch_t *branch = &reply->points[reply->showing];
        if (!branch->ended && (!branch->begun || branch->answer.settled == 0))
            return;
        if (!reply->heading_shown)
            show_heading(reply, show);
        reply->heading_shown = true;
        if (branch->begun)
            jup_show_answer(show, &branch->answer, &branch->shown);
        if (!branch->ended)
            return;
        reply->heading_shown = false;
    }
}

void jup_reply_show(jup_reply_t *reply, jup_show_t *show)
{
    if (reply->has_outline)
        show_points(reply, show);
    else if (reply->plain.begun)
        jup_show_answer(show, &reply->plain.answer, &reply->plain.shown);
    if (reply->done && !show->keeps)
        jup_show_text(show, "\n");
}

/* ---- figures --------------------------------------------------------------------------------- */

int32_t jup_reply_tokens(const jup_reply_t *reply)
{
    int32_t n = reply->trunk.answer.n_tokens + reply->plain.answer.n_tokens;
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        n += reply->points[i].answer.n_tokens;
    return n;
}

int32_t jup_reply_known(const jup_reply_t *reply)
{
    int32_t n = reply->trunk.known + reply->plain.known;
    for (int32_t i = 0; reply->points && i < reply->outline.n; i++)
        n += reply->points[i].known;
    return n;
}

double jup_reply_first_s(const jup_reply_t *reply)
{
    const jup_branch_t *first = reply->has_outline ? &reply->points[0] : &reply->plain;
    return first->first_s > 0 ? first->first_s - reply->begin_s : 0;
}
