#include "ask/wrap.h"

#include "io/text.h"

#include <string.h>
#include <utf8proc.h>

void jup_wrap_init(jup_wrap_t *wrap, int columns,
                   void (*put)(void *self, const char *text, size_t bytes), void *self)
{
    memset(wrap, 0, sizeof *wrap);
    wrap->columns = columns;
    wrap->put = put;
    wrap->self = self;
}

static void put_blanks(jup_wrap_t *wrap)
{
    wrap->column += wrap->blanks;
    for (; wrap->blanks > 0; wrap->blanks--)
        wrap->put(wrap->self, " ", 1);
}

static void put_line_end(jup_wrap_t *wrap)
{
    wrap->put(wrap->self, "\n", 1);
    wrap->column = wrap->blanks = 0;
}

static void put_word(jup_wrap_t *wrap)
{
    if (wrap->bytes == 0)
        return;
    if (wrap->column > 0 && wrap->column + wrap->blanks + wrap->width > wrap->columns)
        put_line_end(wrap);
    put_blanks(wrap);
    wrap->put(wrap->self, wrap->word, wrap->bytes);
    wrap->column += wrap->width;
    while (wrap->column > wrap->columns) /* a long word went on in the next line */
        wrap->column -= wrap->columns;
    wrap->bytes = 0;
    wrap->width = 0;
}

/* Between wide characters (of Chinese, say) a line may end, as if each were a word. */
static void add_to_word(jup_wrap_t *wrap, const char *text, size_t bytes, int width)
{
    if (width > 1 || wrap->bytes + bytes > sizeof wrap->word)
        put_word(wrap);
    memcpy(wrap->word + wrap->bytes, text, bytes);
    wrap->bytes += bytes;
    wrap->width += width;
    if (width > 1)
        put_word(wrap);
}

void jup_wrap_text(jup_wrap_t *wrap, const char *text, size_t bytes)
{
    if (!wrap->columns) {
        wrap->put(wrap->self, text, bytes);
        return;
    }
    for (size_t at = 0, n; at < bytes; at += n) {
        uint32_t code = 0;
        int length = jup_utf8_decode(jup_text(text + at, bytes - at), &code);
        n = length > 0 ? (size_t)length : 1;
        if (code == '\n' || code == ' ')
            put_word(wrap);
        if (code == '\n')
            put_line_end(wrap);
        else if (code == ' ')
            wrap->blanks++;
        else
            add_to_word(wrap, text + at, n,
                        length > 0 ? utf8proc_charwidth((utf8proc_int32_t)code) : 1);
    }
}

void jup_wrap_flush(jup_wrap_t *wrap)
{
    if (!wrap->columns)
        return;
    put_word(wrap);
    put_blanks(wrap);
}
