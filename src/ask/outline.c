#include "ask/outline.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* One line of the text, without its end. */
typedef struct line {
    const char *at, *end;
    int32_t indent;
} line_t;

static bool next_line(const char **text, const char *end, line_t *line)
{
    if (*text >= end)
        return false;
    const char *stop = memchr(*text, '\n', (size_t)(end - *text));
    line->at = *text;
    line->end = stop ? stop : end;
    *text = stop ? stop + 1 : end;
    line->indent = 0;
    for (; line->at < line->end && (*line->at == ' ' || *line->at == '\t'); line->at++)
        line->indent += *line->at == '\t' ? 4 : 1;
    while (line->end > line->at && isspace((unsigned char)line->end[-1]))
        line->end--;
    return true;
}

static void skip(line_t *line, const char *characters)
{
    while (line->at < line->end && strchr(characters, *line->at) && *line->at)
        line->at++;
}

typedef enum item { NOTHING, NUMBERED, BULLET, SUBNUMBERED } item_t;

/* Bytes of the mark behind a number: "." and the like, or an East Asian one; 0: none. */
static size_t number_ends(const line_t *line)
{
    static const char *const wide[] = {"\u3001", "\uFF0E", "\uFF09", "\uFF1A"};
    size_t left = (size_t)(line->end - line->at);
    if (left > 0 && *line->at && strchr(".):", *line->at))
        return 1;
    for (size_t i = 0; left >= 3 && i < sizeof wide / sizeof wide[0]; i++)
        if (memcmp(line->at, wide[i], 3) == 0)
            return 3;
    return 0;
}

/* Reads "12." and the like; moves to the title. */
static item_t read_number(line_t *line, int32_t *number)
{
    const char *from = line->at;
    *number = 0;
    skip(line, "*#_( ");
    const char *digits = line->at;
    while (line->at < line->end && isdigit((unsigned char)*line->at) && line->at - digits < 4)
        *number = *number * 10 + (*line->at++ - '0');
    size_t mark = number_ends(line);
    if (line->at == digits || mark == 0) {
        line->at = from;
        return NOTHING;
    }
    line->at += mark;
    if (line->at < line->end && isdigit((unsigned char)*line->at))
        return SUBNUMBERED; /* "3.1 ..." or a decimal number */
    return NUMBERED;
}

static item_t read_item(line_t *line, int32_t *number)
{
    item_t item = read_number(line, number);
    if (item != NOTHING || line->at >= line->end)
        return item;
    bool star = line->at + 1 < line->end && strchr("-*+", *line->at) && line->at[1] == ' ';
    bool dot = line->end - line->at > 3 && memcmp(line->at, "\xE2\x80\xA2", 3) == 0;
    if (!star && !dot)
        return NOTHING;
    line->at += star ? 1 : 3;
    return BULLET;
}

/* Without markup around it, and without a text after a colon or dash when a title is before it. */
static void read_title(line_t line, char title[JUP_OUTLINE_TITLE])
{
    skip(&line, "*#_): \t-");
    const char *colon = line.at;
    while (colon < line.end && *colon != ':')
        colon++;
    if (colon < line.end && colon - line.at >= 3 && colon - line.at <= 80)
        line.end = colon;
    while (line.end > line.at && strchr("*_:#. \t", line.end[-1]))
        line.end--;
    size_t n = (size_t)(line.end - line.at);
    n = n < JUP_OUTLINE_TITLE - 1 ? n : JUP_OUTLINE_TITLE - 1;
    while (n > 0 && n == JUP_OUTLINE_TITLE - 1 && ((unsigned char)line.at[n] & 0xC0) == 0x80)
        n--; /* not in the middle of a character */
    memcpy(title, line.at, n);
    title[n] = '\0';
}

static bool is_known(const jup_outline_t *o, int32_t number, const char *title)
{
    for (int32_t i = 0; i < o->n; i++)
        if (o->points[i].number == number || strcasecmp(o->points[i].title, title) == 0)
            return true;
    return false;
}

static void add_point(jup_outline_t *o, int32_t number, line_t line, int32_t max_points)
{
    jup_outline_point_t point = {.number = number};
    read_title(line, point.title);
    if (!*point.title)
        return;
    if (is_known(o, number, point.title)) {
        o->repeated++;
        return;
    }
    if (o->n == max_points) {
        o->left_out++;
        return;
    }
    int32_t expected = o->n ? o->points[o->n - 1].number + 1 : 1;
    o->missing += number > expected ? number - expected : 0;
    o->points[o->n++] = point;
}

/* Which items are points: the numbered ones, or numbered and bullets alike, counted anew. */
typedef enum points { BY_NUMBER, ALL_ITEMS } points_t;

static void read_points(jup_outline_t *o, const char *text, size_t length, int32_t max_points,
                        points_t wanted)
{
    const char *at = text, *end = text + length;
    int32_t number, outer = -1;
    line_t line;
    memset(o, 0, sizeof *o);
    o->bullets = wanted == ALL_ITEMS;
    while (next_line(&at, end, &line)) {
        item_t item = read_item(&line, &number);
        bool is_point = item == NUMBERED || (item == BULLET && wanted == ALL_ITEMS);
        if (item == NOTHING)
            continue;
        if (outer < 0 && is_point)
            outer = line.indent;
        if (!is_point || line.indent > outer + 1)
            o->nested += o->n > 0;
        else
            add_point(o, wanted == ALL_ITEMS ? o->n + o->left_out + 1 : number, line, max_points);
    }
}

/* Models also write "1." before every point, or only before the first one, which was ours. */
bool jup_outline_parse(jup_outline_t *outline, const char *text, size_t length, int32_t max_points)
{
    read_points(outline, text, length, max_points, BY_NUMBER);
    if (outline->n < 2)
        read_points(outline, text, length, max_points, ALL_ITEMS);
    return outline->n >= 2;
}

bool jup_outline_begun(jup_outline_t *outline, const char *text, size_t length, int32_t max_points)
{
    read_points(outline, text, length, max_points, BY_NUMBER);
    return outline->n >= 2;
}

const char *jup_outline_problem(const jup_outline_t *outline, const char *text, size_t length)
{
    size_t blank = 0;
    while (blank < length && isspace((unsigned char)text[blank]))
        blank++;
    if (blank == length)
        return "the outline is empty";
    return outline->n == 1 ? "the outline has a single point" : "the outline holds no list";
}
