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

/* The longest that `text` starts with. */
static const jup_special_t *find_here(const jup_specials_t *s, jup_text_t text, bool control)
{
    unsigned char first = (unsigned char)text.data[0];
    for (int32_t i = s->start[first]; i < s->start[first + 1]; i++) {
        const jup_special_t *special = &s->list[i];
        if ((control || !special->control) && special->text.length <= text.length &&
            memcmp(special->text.data, text.data, special->text.length) == 0)
            return special;
    }
    return NULL;
}

const jup_special_t *jup_specials_find(const jup_specials_t *s, jup_text_t text, bool control,
                                       size_t *before)
{
    const jup_special_t *found = NULL;
    size_t at = 0;
    if (s->n == 0)
        at = text.length;
    for (; at < text.length; at++) {
        found = find_here(s, jup_text(text.data + at, text.length - at), control);
        if (found)
            break;
    }
    *before = at;
    return found;
}
