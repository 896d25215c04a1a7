/*
 * Prompts: what chat templates of the families give, as jinja2 3.1 renders them (prompts.json);
 * files of prompts that are wrong; templates that only rendering knows.
 */
#include "ask/answer.h"
#include "ask/prompts.h"
#include "ask/prompts_read.h"
#include "base/mem.h"
#include "io_sample.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *example, const char *key)
{
    return json_string_value(json_object_get(example, key));
}

/* A file whose tokens are the begin and the end of text. */
static jup_gguf_t *model_with(const char *template, const char *begin, const char *end)
{
    char path[256];
    jup_gguf_t *g = NULL;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    const jup_text_t tokens[2] = {{begin, strlen(begin)}, {end, strlen(end)}};
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", tokens, 2);
    jup_gguf_put_int(w, "tokenizer.ggml.bos_token_id", JUP_GGUF_U32, 0);
    jup_gguf_put_int(w, "tokenizer.ggml.eos_token_id", JUP_GGUF_U32, 1);
    if (template)
        jup_gguf_put_text(w, "tokenizer.chat_template", template);
    ck_assert_int_eq(jup_gguf_save(w, io_sample_path(path, "prompts"), NULL), JUP_OK);
    ck_assert_int_eq(jup_gguf_open(path, &g, NULL), JUP_OK);
    jup_gguf_writer_destroy(w);
    remove(path);
    return g;
}

static char *fill(const jup_prompts_t *p, const char *form, const char *question, int32_t index,
                  const char *title)
{
    jup_filled_t filled = {0};
    jup_prompts_fill(p, form, question, index, title, &filled);
    jup_free(filled.values);
    return filled.text;
}

static void check_fill(const char *name, const jup_prompts_t *p, const char *form,
                       const char *question, const char *expected)
{
    char *got = fill(p, form, question, 0, NULL);
    ck_assert_msg(strcmp(got, expected) == 0, "%s: '%s', expected '%s'", name, got, expected);
    jup_free(got);
}

/* A dialogue begins with the first turn and ends with what stands between turns, and the second. */
static void check_dialogue(const char *name, const jup_prompts_t *p, const char *dialogue)
{
    char *first = fill(p, p->plain, "Hi", 0, NULL);
    char *second = fill(p, p->further, "Why?", 0, NULL);
    char end[600];
    snprintf(end, sizeof end, "Yes.%s%s", p->turn_ends, second);
    size_t n = strlen(dialogue), tail = strlen(end);
    char *thinks = strstr(first, "<think>"); /* asked for, but not kept in what was said */
    if (thinks)
        *thinks = '\0';
    ck_assert_msg(strncmp(dialogue, first, strlen(first)) == 0, "%s: begins '%s'", name, first);
    ck_assert_msg(n > tail && strcmp(dialogue + n - tail, end) == 0, "%s: '%s' does not end '%s'",
                  name, dialogue, end);
    jup_free(first);
    jup_free(second);
}

static void check_example(const char *name, const json_t *example)
{
    jup_error_t err = {0};
    jup_prompts_t p;
    const char *with_system = text_of(example, "with_system");
    jup_gguf_t *g = model_with(text_of(example, "template"), text_of(example, "begin"),
                               text_of(example, "end"));
    ck_assert_msg(jup_prompts_choose(&p, g, NULL, NULL, &err) == JUP_OK, "%s: %s", name, err.text);
    ck_assert_msg(strcmp(p.name, text_of(example, "family")) == 0, "%s: taken for %s", name,
                  p.name);
    check_fill(name, &p, p.plain, "Hi", text_of(example, "plain"));
    check_dialogue(name, &p, text_of(example, "dialogue"));
    jup_prompts_reset(&p);
    if (with_system && strstr(with_system, "Be kind.")) {
        ck_assert_int_eq(jup_prompts_choose(&p, g, NULL, "Be kind.", &err), JUP_OK);
        check_fill(name, &p, p.plain, "Hi", with_system);
        jup_prompts_reset(&p);
    }
    jup_gguf_close(g);
}

static json_t *examples(void)
{
    char path[500];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/unit/prompts.json", srcdir ? srcdir : ".");
    json_t *root = json_load_file(path, 0, NULL);
    ck_assert_msg(root != NULL, "cannot read %s", path);
    return root;
}

START_TEST(families_are_asked_as_their_templates_say)
{
    const char *name;
    json_t *example, *root = examples();
    ck_assert_uint_ge(json_object_size(root), 25);
    json_object_foreach(root, name, example) check_example(name, example);
    json_decref(root);
}
END_TEST

START_TEST(an_outline_is_asked_for_in_turns)
{
    jup_prompts_t p;
    jup_gguf_t *g = model_with("[INST] <<SYS>>", "<s>", "</s>");
    ck_assert_int_eq(jup_prompts_choose(&p, g, NULL, NULL, NULL), JUP_OK);
    char *outline = fill(&p, p.outline, "Hi {title}", 0, NULL);
    char *point = fill(&p, p.point, NULL, 2, "Cold {question}");
    ck_assert_msg(strncmp(outline, "[INST] Hi {title}\n\nDo not", 24) == 0, "%s", outline);
    ck_assert_ptr_nonnull(strstr(outline, "list. [/INST] 1."));
    ck_assert_msg(strncmp(point, " </s><s>[INST] Now write point 2 ", 33) == 0, "%s", point);
    ck_assert_ptr_nonnull(strstr(point, "Point 2: Cold {question} [/INST]"));
    jup_free(outline);
    jup_free(point);
    jup_prompts_reset(&p);
    jup_gguf_close(g);
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------- */

static void check_refused(const char *text, const char *words)
{
    json_t *root;
    jup_error_t err = {0};
    ck_assert_int_eq(jup_prompts_parse(&root, "p.json", text, strlen(text), &err), JUP_EINPUT);
    ck_assert_ptr_null(root);
    ck_assert_msg(strstr(err.text, words) && strstr(err.text, "p.json"), "'%s' does not say '%s'",
                  err.text, words);
}

START_TEST(wrong_files_are_refused_with_a_suggestion)
{
    check_refused("{\"name\": \"a\", \"turn_end\": \"\", \"question\": \"{question}\"}",
                  "\"turn_end\" is no key of prompts; did you mean \"turn_ends\"?");
    check_refused("{\"name\": \"a\", \"turn_ends\": \"\", \"question\": \"{question} {indexx}\"}",
                  "\"question\" has {indexx}, which nothing fills in; did you mean {index}?");
    check_refused("{\"name\": \"a\", \"turn_ends\": \"\", \"question\": \"Q\"}",
                  "\"question\" must have {question}");
    check_refused("{\"name\": \"a\", \"turn_ends\": \"\", \"plain\": \"{question}\"}",
                  "\"outline\" is missing");
    check_refused("{\"name\": 3, \"turn_ends\": \"\", \"question\": \"{question}\"}",
                  "\"name\" must be a text");
    check_refused("{\"name\": \"a\", \"recognise\": {\"formt\": \"x\"}}",
                  "did you mean \"format\"?");
    check_refused("[]", "a JSON object must stand here");
    check_refused("{\"name\": \"a\",\n}", "p.json:2:");
}
END_TEST

static void check_choice(const char *template, const char *wanted, const char *system,
                         const char *words)
{
    jup_prompts_t p;
    jup_error_t err = {0};
    jup_gguf_t *g = model_with(template, "<s>", "</s>");
    ck_assert_int_eq(jup_prompts_choose(&p, g, wanted, system, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, words) != NULL, "'%s' does not say '%s'", err.text, words);
    jup_gguf_close(g);
}

START_TEST(choices_that_cannot_be_are_refused)
{
    check_choice(NULL, "nonsense", NULL, "no prompts called 'nonsense'; use one of question-");
    check_choice(NULL, NULL, NULL, "does not say how it wants to be asked");
    check_choice(NULL, "template", NULL, "has no chat template");
    check_choice(NULL, "question-outline-1", "Be kind.", "no place for a system text");
    check_choice(NULL, "/nowhere/p.json", NULL, "/nowhere/p.json");
}
END_TEST

/* ---- rendering ------------------------------------------------------------------------------- */

static const char unknown[] = "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}"
                              "</{{ m.role }}>{% endfor %}<assistant>";

START_TEST(an_unknown_template_is_rendered)
{
    jup_prompts_t p;
    jup_error_t err = {0};
    jup_gguf_t *g = model_with(unknown, "<s>", "</s>");
    jup_status_t status = jup_prompts_choose(&p, g, NULL, "Be kind.", &err);
    if (status != JUP_OK) { /* no python3 with jinja2 here */
        ck_assert_msg(strstr(err.text, "jinja2") != NULL, "%s", err.text);
        jup_gguf_close(g);
        return;
    }
    check_fill("rendered", &p, p.plain, "Hi",
               "<system>Be kind.</system><user>Hi</user><assistant>");
    check_fill("rendered", &p, p.further, "Why?", "</assistant><user>Why?</user><assistant>");
    ck_assert(p.begins);
    jup_prompts_reset(&p);
    jup_gguf_close(g);
    check_choice("{{ messages.__class__.__mro__ }}{{ 1 / 0 }}", NULL, NULL, "cannot be rendered");
    check_choice("{{ raise_exception('not like this') }}", NULL, NULL, "not like this");
    check_choice("nothing", NULL, NULL, "does not show a question");
}
END_TEST

/* ---- points ---------------------------------------------------------------------------------- */

/* The text that is left of one written by the model byte by byte, as a point before `next`. */
static void check_point(const char *text, int32_t next, const char *expected, bool stops)
{
    jup_gguf_t *g = io_sample_vocabulary("points", "gpt-2");
    jup_tokenizer_t *t;
    jup_answer_t answer;
    bool goes_on = true;
    ck_assert_int_eq(jup_tokenizer_new(g, &t, NULL), JUP_OK);
    const jup_answer_rules_t rules = {.tokenizer = t};
    jup_answer_init(&answer, &rules, false);
    jup_answer_end_before(&answer, next);
    for (const char *c = text; *c && goes_on; c++)
        goes_on = jup_answer_token(&answer, (unsigned char)*c);
    jup_answer_finish(&answer);
    ck_assert_msg(goes_on != stops && strcmp(answer.text, expected) == 0, "'%s' gives '%s'", text,
                  answer.text);
    jup_answer_reset(&answer);
    jup_tokenizer_destroy(t);
    jup_gguf_close(g);
}

START_TEST(a_point_ends_where_the_next_number_would_begin)
{
    check_point("Boil water.\n2. Add", 2, "Boil water.", true);
    check_point("Boil water.\n2) Add", 2, "Boil water.", true);
    check_point("In 2. go\n3. on", 2, "In 2. go\n3. on", false);
    check_point("Twelve\n12", 12, "Twelve\n12", false);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("prompts");
    unit_add(s, families_are_asked_as_their_templates_say, 60);
    unit_add(s, an_outline_is_asked_for_in_turns, 10);
    unit_add(s, a_point_ends_where_the_next_number_would_begin, 10);
    unit_add(s, wrong_files_are_refused_with_a_suggestion, 10);
    unit_add(s, choices_that_cannot_be_are_refused, 60);
    unit_add(s, an_unknown_template_is_rendered, 120);
    return s;
}

UNIT_MAIN(suite)
