/* Streaming: pieces come in, whole characters go out. */
#include "base/mem.h"
#include "io/tokenizer_internal.h"

#include <string.h>

void jup_detokenizer_init(jup_detokenizer_t *d, const jup_tokenizer_t *t, bool at_start)
{
    memset(d, 0, sizeof *d);
    d->tokenizer = t;
    d->at_start = at_start && t->model == JUP_TOKENIZER_SPM && t->add_space_prefix;
}

void jup_detokenizer_reset(jup_detokenizer_t *d)
{
    jup_free(d->buffer);
    memset(d, 0, sizeof *d);
}

/* Pending bytes and the new piece, one after the other, at the end of a buffer large enough. */
static jup_text_t join(jup_detokenizer_t *d, jup_text_t piece, char *joined)
{
    memcpy(joined, d->pending, d->n_pending);
    if (piece.length)
        memcpy(joined + d->n_pending, piece.data, piece.length);
    return jup_text(joined, d->n_pending + piece.length);
}

/*
 * Copies the whole characters of `bytes` to `out`, bad ones replaced (at most 3 bytes for one);
 * what may still become a character stays pending, unless this is the end.
 */
static size_t take_characters(jup_detokenizer_t *d, jup_text_t bytes, bool end, char *out)
{
    size_t used = 0, at = 0;
    uint32_t unused;
    while (at < bytes.length) {
        size_t left = bytes.length - at;
        int step = jup_utf8_decode(jup_text(bytes.data + at, left), &unused);
        if (step == 0 && !end)
            break;
        if (step > 0) {
            memcpy(out + used, bytes.data + at, (size_t)step);
            used += (size_t)step;
        } else {
            memcpy(out + used, JUP_UTF8_REPLACEMENT, 3);
            used += 3;
        }
        at += step > 0 ? (size_t)step : step < 0 ? (size_t)-step : left;
    }
    d->n_pending = bytes.length - at;
    memcpy(d->pending, bytes.data + at, d->n_pending);
    return used;
}

static jup_text_t drop_first_space(jup_detokenizer_t *d, jup_text_t text)
{
    if (!d->at_start || text.length == 0)
        return text;
    d->at_start = false;
    return text.data[0] == ' ' ? jup_text(text.data + 1, text.length - 1) : text;
}

static jup_text_t push_piece(jup_detokenizer_t *d, jup_text_t piece, bool end)
{
    size_t most = d->n_pending + piece.length;
    if (d->buffer_bytes < 4 * most) { /* joined, and three bytes out for every one in */
        jup_free(d->buffer);
        d->buffer_bytes = 4 * most + 64;
        d->buffer = jup_new(d->buffer_bytes, 1);
    }
    if (most == 0)
        return jup_text("", 0);
    jup_text_t bytes = join(d, piece, d->buffer + 3 * most);
    size_t length = take_characters(d, bytes, end, d->buffer);
    return drop_first_space(d, jup_text(d->buffer, length));
}

jup_text_t jup_detokenizer_push(jup_detokenizer_t *d, int32_t id)
{
    return push_piece(d, jup_tokenizer_piece(d->tokenizer, id), false);
}

jup_text_t jup_detokenizer_finish(jup_detokenizer_t *d)
{
    return push_piece(d, jup_text("", 0), true);
}
