/* jupiter tokenize: text to token ids, on one line; with --prompts, as a question to the model.
 * Works on a vocabulary without weights. */
#include "app/commands.h"
#include "app/options.h"
#include "ask/prompts.h"
#include "base/mem.h"
#include "io/text_file.h"
#include "io/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tokenize_options {
    char *model, *text, *file, *prompts, *system;
    int no_bos, special, show, pieces;
} tokenize_options_t;

static void print_ids(const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%d", i ? " " : "", ids[i]);
    printf("\n");
}

/* One a line: id, entry of the vocabulary, what it decodes to, with \xNN for what is no text. */
static void print_pieces(const jup_tokenizer_t *tokenizer, const jup_tokens_t *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        jup_text_t entry = jup_tokenizer_token_text(tokenizer, tokens->ids[i]);
        jup_text_t piece = jup_tokenizer_piece(tokenizer, tokens->ids[i]);
        size_t bytes = 4 * (entry.length + piece.length) + 16;
        char *text = jup_new(bytes, 1);
        printf("%d\t%s\t", tokens->ids[i], jup_text_escape(entry, text, bytes));
        printf("\"%s\"\n", jup_text_escape(piece, text, bytes));
        jup_free(text);
    }
}

/* The text as it is. */
static jup_status_t encode_text(const tokenize_options_t *o, const jup_tokenizer_t *tokenizer,
                                jup_text_t text, jup_tokens_t *tokens, jup_error_t *err)
{
    unsigned flags = (o->no_bos ? 0u : JUP_ENCODE_BOS) | (o->special ? JUP_ENCODE_SPECIAL : 0u);
    return jup_tokenizer_encode(tokenizer, text, flags, tokens, err);
}

/* The text as a question; --show prints what the model is asked. */
static jup_status_t encode_question(const tokenize_options_t *o, const jup_gguf_t *g,
                                    const jup_tokenizer_t *tokenizer, const char *text,
                                    jup_tokens_t *tokens, jup_error_t *err)
{
    jup_prompts_t prompts;
    JUP_TRY(jup_prompts_choose(&prompts, g, o->prompts, o->system, err));
    prompts.typed = o->special;
    jup_filled_t asked = {0};
    jup_prompts_fill(&prompts, prompts.plain, text, 0, NULL, &asked);
    jup_status_t status = JUP_OK;
    if (o->show)
        printf("%s\n", asked.text);
    else
        status = jup_prompts_encode(&prompts, tokenizer, &asked, tokens, err);
    jup_filled_reset(&asked);
    jup_prompts_reset(&prompts);
    return status;
}

static jup_status_t tokenize(const tokenize_options_t *o, jup_error_t *err)
{
    jup_gguf_t *g = NULL;
    jup_tokenizer_t *tokenizer = NULL;
    jup_tokens_t tokens = {0};
    char *text = o->text ? jup_strdup(o->text) : NULL;
    size_t length = text ? strlen(text) : 0;
    jup_status_t status = jup_gguf_open(o->model, &g, err);
    if (status == JUP_OK)
        status = jup_tokenizer_new(g, &tokenizer, err);
    if (status == JUP_OK && !text)
        status = jup_text_read(o->file ? o->file : "-", JUP_TEXT_MOST_BYTES,
                               "more than can be shown as tokens", &text, &length, err);
    if (status == JUP_OK && o->prompts)
        status = encode_question(o, g, tokenizer, text, &tokens, err);
    else if (status == JUP_OK)
        status = encode_text(o, tokenizer, (jup_text_t){text, length}, &tokens, err);
    if (status == JUP_OK && o->pieces)
        print_pieces(tokenizer, &tokens);
    else if (status == JUP_OK && !o->show)
        print_ids(tokens.ids, tokens.count);
    jup_tokens_reset(&tokens);
    jup_free(text);
    jup_tokenizer_destroy(tokenizer);
    jup_gguf_close(g);
    return status;
}

static jup_status_t check(const tokenize_options_t *o, jup_error_t *err)
{
    if (!o->model)
        return jup_fail(err, JUP_EINPUT, "no model given; use -m FILE");
    if (o->text && o->file)
        return jup_fail(err, JUP_EINPUT, "both -p and -f are given; use one of them");
    if ((o->system || o->show) && !o->prompts)
        return jup_fail(err, JUP_EINPUT,
                        "%s goes with a question; add --prompts auto, or a name of prompts",
                        o->system ? "--system" : "--show");
    if (o->show && o->pieces)
        return jup_fail(err, JUP_EINPUT, "both --show and --pieces are given; use one of them");
    return JUP_OK;
}

int jup_cmd_tokenize(int argc, const char **argv)
{
    tokenize_options_t o = {0};
    jup_options_t options = {0};
    jup_error_t err;
    const struct poptOption table[] = {
        {"model", 'm', POPT_ARG_STRING, &o.model, 0, "a model or vocabulary, a GGUF file", "FILE"},
        {"prompt", 'p', POPT_ARG_STRING, &o.text, 0, "the text", "TEXT"},
        {"file", 'f', POPT_ARG_STRING, &o.file, 0,
         "read the text from a file; - (default): standard input; its last line end does not count",
         "FILE"},
        {"no-bos", 0, POPT_ARG_NONE, &o.no_bos, 0, "no begin-of-text token in front", NULL},
        {"special", 0, POPT_ARG_NONE, &o.special, 0,
         "take special tokens written out in the text as such, in a question, too", NULL},
        {"prompts", 0, POPT_ARG_STRING, &o.prompts, 0,
         "take the text as a question in this form; auto: as the model's file says",
         "NAME|FILE|template|auto"},
        {"system", 0, POPT_ARG_STRING, &o.system, 0,
         "a text for the system turn, in place of the template's own", "TEXT"},
        {"show", 0, POPT_ARG_NONE, &o.show, 0, "print what the model is asked, not the ids", NULL},
        {"pieces", 0, POPT_ARG_NONE, &o.pieces, 0,
         "one token a line: id, entry of the vocabulary, the bytes it stands for", NULL},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = jup_options_parse(&options, argc, argv, table,
                                            "-m FILE [-p TEXT | -f FILE] [--no-bos]", false, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK && (status = check(&o, &err)) == JUP_OK)
        status = tokenize(&o, &err);
    jup_options_reset(&options);
    free(o.model);
    free(o.text);
    free(o.file);
    free(o.prompts);
    free(o.system);
    return status == JUP_OK ? 0 : jup_report(&err);
}
