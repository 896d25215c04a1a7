#include "io/pretokenize.h"

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

struct jup_pretokenizer {
    pcre2_code *code;
};

/*
 * White space as Unicode defines it. Not \s: PCRE2 counts U+180E in, the libraries the models were
 * trained with do not.
 */
#define SPACES                                                                                     \
    "\\t-\\r "                                                                                     \
    "\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}"
#define SPACE "[" SPACES "]"
#define TRAILING_SPACES SPACE "+(?![^" SPACES "])|" SPACE "+"
#define CONTRACTIONS "(?:'s|'t|'re|'ve|'m|'ll|'d)"
#define OTHERS " ?[^" SPACES "\\p{L}\\p{N}]+"
#define LINES SPACE "*[\\r\\n]+|" TRAILING_SPACES
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define LETTERS "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"

/* Published with GPT-2, Llama 3, Qwen 2 and Mistral's Tekken. */
static const char gpt2_pattern[] = CONTRACTIONS "| ?\\p{L}+| ?\\p{N}+|" OTHERS "|" TRAILING_SPACES;
static const char llama_pattern[] =
    "(?i:" CONTRACTIONS ")|" LETTERS "\\p{N}{1,3}|" OTHERS "[\\r\\n]*|" LINES;
static const char qwen2_pattern[] =
    "(?i:" CONTRACTIONS ")|" LETTERS "\\p{N}|" OTHERS "[\\r\\n]*|" LINES;
static const char tekken_pattern[] =
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
    "*|\\p{N}|" OTHERS "[\\r\\n/]*|" LINES;

static const jup_pretokenizer_rules_t known[] = {
    {"gpt-2", "gpt-2", gpt2_pattern, false, false},
    {"default", "gpt-2", gpt2_pattern, false, false},
    {"llama-bpe", "llama-bpe", llama_pattern, true, true},
    {"llama3", "llama-bpe", llama_pattern, true, true},
    {"llama-v3", "llama-bpe", llama_pattern, true, true},
    {"smaug-bpe", "smaug-bpe", llama_pattern, false, false},
    {"qwen2", "qwen2", qwen2_pattern, false, false},
    {"deepseek-r1-qwen", "qwen2", qwen2_pattern, false, false},
    {"tekken", "tekken", tekken_pattern, true, true},
};

const jup_pretokenizer_rules_t *jup_pretokenizer_rules(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    }
    return NULL;
}

const char *jup_pretokenizer_names(void)
{
    return "gpt-2, llama-bpe, qwen2, smaug-bpe, tekken";
}

static jup_status_t fail_pcre2(jup_error_t *err, const char *what, int code)
{
    PCRE2_UCHAR reason[128] = "";
    pcre2_get_error_message(code, reason, sizeof reason);
    return jup_fail(err, JUP_EENV, "PCRE2 cannot %s: %s", what, (const char *)reason);
}

jup_status_t jup_pretokenizer_new(const jup_pretokenizer_rules_t *rules, jup_pretokenizer_t **out,
                                  jup_error_t *err)
{
    int code;
    PCRE2_SIZE where;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)rules->pattern, PCRE2_ZERO_TERMINATED,
                                         PCRE2_UTF | PCRE2_UCP, &code, &where, NULL);
    *out = NULL;
    if (!compiled)
        return fail_pcre2(err, "compile the pre-tokenizer", code);
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* where there is none: interpreted */
    jup_pretokenizer_t *p = jup_new(1, sizeof *p);
    p->code = compiled;
    *out = p;
    return JUP_OK;
}

void jup_pretokenizer_destroy(jup_pretokenizer_t *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    jup_free(p);
}

/* Finds the next word at or behind `at`; one that is too much for the JIT's stack is interpreted.
 * The text is known to be UTF-8: checking it again for every word would take quadratic time. */
static int match(const jup_pretokenizer_t *p, jup_text_t text, size_t at, pcre2_match_data *found)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text.data;
    int code = pcre2_match(p->code, subject, text.length, at, PCRE2_NO_UTF_CHECK, found, NULL);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(p->code, subject, text.length, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                           found, NULL);
    return code;
}

static void visit_part(jup_text_t text, size_t from, size_t to, jup_pretokenizer_visit_t visit,
                       void *context)
{
    if (to > from)
        visit(context, jup_text(text.data + from, to - from));
}

/* `text` is valid UTF-8. What no alternative matches becomes a word too. */
static jup_status_t run_valid(const jup_pretokenizer_t *p, jup_text_t text, pcre2_match_data *found,
                              jup_pretokenizer_visit_t visit, void *context, jup_error_t *err)
{
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(found);
    size_t at = 0;
    while (at < text.length) {
        int code = match(p, text, at, found);
        if (code == PCRE2_ERROR_NOMATCH || (code > 0 && span[1] <= at))
            break;
        if (code < 0)
            return fail_pcre2(err, "cut the text into words", code);
        visit_part(text, at, span[0], visit, context);
        visit_part(text, span[0], span[1], visit, context);
        at = span[1];
    }
    visit_part(text, at, text.length, visit, context);
    return JUP_OK;
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

jup_status_t jup_pretokenizer_run(const jup_pretokenizer_t *p, jup_text_t text,
                                  jup_pretokenizer_visit_t visit, void *context, jup_error_t *err)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    if (!found)
        return jup_fail(err, JUP_EENV, "not enough memory to cut the text into words");
    jup_status_t status = JUP_OK;
    while (text.length > 0 && status == JUP_OK) {
        size_t valid = jup_utf8_valid_prefix(text);
        status = run_valid(p, jup_text(text.data, valid), found, visit, context, err);
        text = jup_text(text.data + valid, text.length - valid);
        size_t invalid = invalid_prefix(text);
        visit_part(text, 0, invalid, visit, context);
        text = jup_text(text.data + invalid, text.length - invalid);
    }
    pcre2_match_data_free(found);
    return status;
}
