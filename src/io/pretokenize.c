#include "io/pretokenize.h"

#include "base/mem.h"
#include "io/compose.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

struct jup_pretokenizer {
    pcre2_code *codes[JUP_PRETOKENIZER_PATTERNS];
    int n;
    bool compose;
};

static jup_status_t fail_pcre2(jup_error_t *err, const char *what, int code)
{
    PCRE2_UCHAR reason[128] = "";
    pcre2_get_error_message(code, reason, sizeof reason);
    return jup_fail(err, JUP_EENV, "PCRE2 cannot %s: %s", what, (const char *)reason);
}

static jup_status_t compile(const char *pattern, pcre2_code **out, jup_error_t *err)
{
    int code;
    PCRE2_SIZE where;
    *out = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code,
                         &where, NULL);
    if (!*out)
        return fail_pcre2(err, "compile the pre-tokenizer", code);
    pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* where there is none: interpreted */
    return JUP_OK;
}

jup_status_t jup_pretokenizer_new(const jup_pretokenizer_rules_t *rules, jup_pretokenizer_t **out,
                                  jup_error_t *err)
{
    jup_pretokenizer_t *p = jup_new(1, sizeof *p);
    jup_status_t status = JUP_OK;
    p->compose = rules->compose;
    while (status == JUP_OK && p->n < JUP_PRETOKENIZER_PATTERNS && rules->patterns[p->n]) {
        status = compile(rules->patterns[p->n], &p->codes[p->n], err);
        p->n += status == JUP_OK;
    }
    if (status != JUP_OK) {
        jup_pretokenizer_destroy(p);
        p = NULL;
    }
    *out = p;
    return status;
}

void jup_pretokenizer_destroy(jup_pretokenizer_t *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n; i++)
        pcre2_code_free(p->codes[i]);
    jup_free(p);
}

/* One run over a text: where its words go, and room for the matches of each pattern. */
typedef struct cutter {
    const jup_pretokenizer_t *p;
    jup_pretokenizer_visit_t visit;
    void *context;
    pcre2_match_data *found[JUP_PRETOKENIZER_PATTERNS];
    jup_error_t *err;
} cutter_t;

/* Finds the next match at or behind `at`; one that is too much for the JIT's stack is interpreted.
 * The text is known to be UTF-8: checking it again for every word would take quadratic time. */
static int match(const cutter_t *c, int pattern, jup_text_t text, size_t at)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text.data;
    const pcre2_code *code = c->p->codes[pattern];
    int result =
        pcre2_match(code, subject, text.length, at, PCRE2_NO_UTF_CHECK, c->found[pattern], NULL);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(code, subject, text.length, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                             c->found[pattern], NULL);
    return result;
}

static jup_status_t cut(const cutter_t *c, int pattern, jup_text_t text);

static jup_status_t cut_part(const cutter_t *c, int pattern, jup_text_t text, size_t from,
                             size_t to)
{
    return to > from ? cut(c, pattern, jup_text(text.data + from, to - from)) : JUP_OK;
}

/* Cuts valid UTF-8 by this pattern, the parts by those after it; with none left it is a word. */
static jup_status_t cut(const cutter_t *c, int pattern, jup_text_t text)
{
    size_t at = 0;
    if (pattern == c->p->n) {
        c->visit(c->context, text);
        return JUP_OK;
    }
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(c->found[pattern]);
    while (at < text.length) {
        int code = match(c, pattern, text, at);
        if (code == PCRE2_ERROR_NOMATCH || (code > 0 && span[1] <= at))
            break;
        if (code < 0)
            return fail_pcre2(c->err, "cut the text into words", code);
        size_t from = span[0], to = span[1];
        JUP_TRY(cut_part(c, pattern + 1, text, at, from));
        JUP_TRY(cut_part(c, pattern + 1, text, from, to));
        at = to;
    }
    return cut_part(c, pattern + 1, text, at, text.length);
}

static jup_status_t cut_valid(const cutter_t *c, jup_text_t text)
{
    char *composed = NULL;
    if (c->p->compose)
        JUP_TRY(jup_text_compose(&text, &composed, c->err));
    jup_status_t status = text.length > 0 ? cut(c, 0, text) : JUP_OK;
    jup_free(composed);
    return status;
}

/* Bytes at the start that belong to no character. */
static size_t invalid_prefix(jup_text_t text)
{
    uint32_t unused;
    size_t at = 0;
    while (at < text.length) {
        int step = jup_utf8_decode(jup_text(text.data + at, text.length - at), &unused);
        if (step > 0)
            break;
        at += step == 0 ? text.length - at : (size_t)-step;
    }
    return at;
}

static jup_status_t cut_any(const cutter_t *c, jup_text_t text)
{
    while (text.length > 0) {
        size_t valid = jup_utf8_valid_prefix(text);
        JUP_TRY(cut_valid(c, jup_text(text.data, valid)));
        text = jup_text(text.data + valid, text.length - valid);
        size_t invalid = invalid_prefix(text);
        if (invalid > 0)
            c->visit(c->context, jup_text(text.data, invalid));
        text = jup_text(text.data + invalid, text.length - invalid);
    }
    return JUP_OK;
}

jup_status_t jup_pretokenizer_run(const jup_pretokenizer_t *p, jup_text_t text,
                                  jup_pretokenizer_visit_t visit, void *context, jup_error_t *err)
{
    cutter_t c = {.p = p, .visit = visit, .context = context, .err = err};
    jup_status_t status = JUP_OK;
    for (int i = 0; i < p->n; i++) {
        c.found[i] = pcre2_match_data_create(1, NULL);
        if (!c.found[i])
            status = jup_fail(err, JUP_EENV, "not enough memory to cut the text into words");
    }
    if (status == JUP_OK)
        status = cut_any(&c, text);
    for (int i = 0; i < p->n; i++)
        pcre2_match_data_free(c.found[i]);
    return status;
}
