#include "io/tokenizer_specials.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static unsigned char first_byte(const jup_special_t *special)
{
    return (unsigned char)special->text.data[0];
}

static int compare(const void *a, const void *b)
{
    const jup_special_t *x = a, *y = b;
    if (first_byte(x) != first_byte(y))
        return first_byte(x) - first_byte(y);
    if (x->text.length != y->text.length)
        return x->text.length > y->text.length ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

void jup_specials_init(jup_specials_t *s, jup_special_t *list, int32_t n)
{
    memset(s, 0, sizeof *s);
    s->list = list;
    s->n = n;
    qsort(list, (size_t)n, sizeof *list, compare);
    for (int32_t i = 0; i < n; i++)
        s->start[first_byte(&list[i]) + 1] = i + 1;
    for (int byte = 1; byte <= 256; byte++)
        if (s->start[byte] < s->start[byte - 1])
            s->start[byte] = s->start[byte - 1];
}

void jup_specials_reset(jup_specials_t *s)
{
    jup_free(s->list);
    memset(s, 0, sizeof *s);
}

/* The longest that `text` starts with; a control token must end within `control` bytes. */
static const jup_special_t *find_here(const jup_specials_t *s, jup_text_t text, size_t control)
{
    unsigned char first = (unsigned char)text.data[0];
    for (int32_t i = s->start[first]; i < s->start[first + 1]; i++) {
        const jup_special_t *special = &s->list[i];
        size_t n = special->text.length;
        if (n <= (special->control ? control : text.length) &&
            memcmp(special->text.data, text.data, n) == 0)
            return special;
    }
    return NULL;
}

/* Bytes from `at` to what is quoted next; *next: the first span that ends behind `at`. */
static size_t bytes_unquoted(jup_quoted_t quoted, size_t *next, size_t at, size_t end)
{
    while (*next < quoted.n && quoted.spans[*next].to <= at)
        (*next)++;
    if (*next == quoted.n)
        return end - at;
    return quoted.spans[*next].from > at ? quoted.spans[*next].from - at : 0;
}

const jup_special_t *jup_specials_find(const jup_specials_t *s, jup_text_t text,
                                       jup_quoted_t quoted, size_t from, size_t *at)
{
    const jup_special_t *found = NULL;
    size_t next = 0;
    *at = s->n ? from : text.length;
    for (; *at < text.length; (*at)++) {
        size_t control = bytes_unquoted(quoted, &next, *at, text.length);
        found = find_here(s, jup_text(text.data + *at, text.length - *at), control);
        if (found)
            break;
    }
    return found;
}
