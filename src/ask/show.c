#include "ask/show.h"

#include "base/mem.h"
#include "base/output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A pipe that takes anything at all takes so many bytes without waiting (POSIX: PIPE_BUF). */
enum { PIECE = 4096 };

static void keep_wrapped(void *self, const char *text, size_t bytes);

void jup_show_init(jup_show_t *show, FILE *out, bool ids)
{
    *show = (jup_show_t){.fd = out ? fileno(out) : -1, .ids = ids};
    jup_wrap_init(&show->wrap, 0, keep_wrapped, show);
    if (out)
        fflush(out);
}

void jup_show_reset(jup_show_t *show)
{
    jup_free(show->pending);
    memset(show, 0, sizeof *show);
    show->fd = -1;
}

static void keep(jup_show_t *show, const char *text, size_t bytes)
{
    if ((show->fd < 0 && !show->keeps) || show->gone || bytes == 0)
        return;
    if (show->bytes + bytes > show->cap) {
        show->cap = 2 * (show->bytes + bytes);
        show->pending = jup_resize(show->pending, show->cap, 1);
    }
    memcpy(show->pending + show->bytes, text, bytes);
    show->bytes += bytes;
}

static void keep_wrapped(void *self, const char *text, size_t bytes)
{
    keep(self, text, bytes);
}

void jup_show_text(jup_show_t *show, const char *text)
{
    keep(show, text, strlen(text));
}

void jup_show_answer(jup_show_t *show, const jup_answer_t *answer, jup_shown_t *shown)
{
    if (!show->ids && answer->settled > shown->bytes)
        jup_wrap_text(&show->wrap, answer->text + shown->bytes, answer->settled - shown->bytes);
    for (int i = shown->tokens; show->ids && i < answer->n_tokens; i++) {
        char id[16];
        int n = snprintf(id, sizeof id, "%s%d", i ? " " : "", answer->tokens[i]);
        keep(show, id, (size_t)n);
    }
    shown->bytes = answer->settled;
    shown->tokens = answer->n_tokens;
}

void jup_show_answer_end(jup_show_t *show)
{
    jup_wrap_flush(&show->wrap);
    show->wrap.column = 0;
}

/* Whether a piece can be written now; a reader who has gone away is found by writing. */
static bool is_ready(int fd, bool wait)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int n = poll(&one, 1, wait ? -1 : 0);
    return n > 0 || (n < 0 && errno != EINTR);
}

static void lose(jup_show_t *show, int reason)
{
    show->gone = true;
    show->reason = reason;
}

jup_status_t jup_show_check(const jup_show_t *show, jup_error_t *err)
{
    return show->gone ? jup_streams_lost(show->reason, err) : JUP_OK;
}

void jup_show_flush(jup_show_t *show, bool wait)
{
    size_t done = 0;
    while (done < show->bytes && !show->gone) {
        if (!is_ready(show->fd, wait)) {
            if (wait)
                continue; /* a signal came */
            break;
        }
        size_t left = show->bytes - done;
        ssize_t n = write(show->fd, show->pending + done, left < PIECE ? left : PIECE);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            lose(show, errno);
    }
    if (show->gone)
        done = show->bytes;
    if (done && done < show->bytes)
        memmove(show->pending, show->pending + done, show->bytes - done);
    show->bytes -= done;
}
