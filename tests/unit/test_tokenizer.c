#include "base/mem.h"
#include "base/rng.h"
#include "io/pretokenize.h"
#include "io/tokenizer.h"
#include "io_sample.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

typedef struct sample {
    jup_gguf_t *g;
    jup_tokenizer_t *t;
} sample_t;

static sample_t open_sample(const char *name, const char *pre)
{
    jup_error_t err = {0};
    sample_t s = {.g = io_sample_vocabulary(name, pre)};
    jup_status_t status = jup_tokenizer_new(s.g, &s.t, &err);
    ck_assert_msg(status == JUP_OK, "%s", err.text);
    return s;
}

static void close_sample(sample_t *s)
{
    jup_tokenizer_destroy(s->t);
    jup_gguf_close(s->g);
}

/* Ids as text, "1 2 3". */
static void encode(const jup_tokenizer_t *t, jup_text_t text, unsigned flags, char out[2000])
{
    jup_tokens_t tokens = {0};
    size_t used = 0;
    ck_assert_int_eq(jup_tokenizer_encode(t, text, flags, &tokens, NULL), JUP_OK);
    out[0] = '\0';
    for (size_t i = 0; i < tokens.count; i++)
        used += (size_t)snprintf(out + used, 2000 - used, "%s%d", i ? " " : "", tokens.ids[i]);
    jup_tokens_reset(&tokens);
}

typedef struct vector {
    const char *text, *ids;
    unsigned flags;
} vector_t;

static void check_vectors(const jup_tokenizer_t *t, const vector_t *vectors, size_t count)
{
    char got[2000];
    for (size_t i = 0; i < count; i++) {
        const char *text = vectors[i].text;
        encode(t, jup_text(text, strlen(text)), vectors[i].flags, got);
        ck_assert_msg(strcmp(got, vectors[i].ids) == 0, "'%s': %s, expected %s", text, got,
                      vectors[i].ids);
    }
}

#define CHECK_VECTORS(t, vectors) check_vectors(t, vectors, sizeof vectors / sizeof *vectors)

/* ---- SentencePiece; ids worked out by hand from the table in io_sample.c ------------------ */

START_TEST(sentencepiece_merges_by_score)
{
    static const vector_t vectors[] = {
        {"", "", 0},
        {"hello", "272", 0},
        {"hello world", "272 277", 0},
        {" hello", "259 272", 0},   /* the space put in front stays alone */
        {"held", "259 268 276", 0}, /* he, ld; nothing joins U+2581 and he */
        {"lll", "259 269 262", 0},  /* equal scores: the left pair first */
        {"wold", "273 263 276", 0}, /* before U+2581 w is complete, o and l lose to ld */
        {"zz", "259 267 267", 0},   /* an unused piece falls apart again */
        {"zzz", "259 267 267 267", 0},
        {"\u4E16", "259 280", 0},     /* in the vocabulary */
        {"\u00E9", "259 198 172", 0}, /* not: bytes C3 A9 */
        {"a\n", "259 100 13", 0},
        {"\xFF\xC3", "259 258 198", 0}, /* no UTF-8 */
    };
    sample_t s = open_sample("spm", NULL);
    CHECK_VECTORS(s.t, vectors);
    ck_assert_str_eq(jup_tokenizer_kind(s.t), "SentencePiece BPE");
    close_sample(&s);
}
END_TEST

static void check_quoting(const jup_tokenizer_t *t, jup_stretch_t quoted, unsigned flags,
                          const char *expected)
{
    static const char text[] = "<s>hello</s>hello</s>";
    jup_tokens_t tokens = {0};
    char got[200] = "";
    size_t used = 0;
    ck_assert_int_eq(jup_tokenizer_encode_quoting(t, jup_text(text, sizeof text - 1), &quoted, 1,
                                                  flags, &tokens, NULL),
                     JUP_OK);
    for (size_t i = 0; i < tokens.count; i++)
        used += (size_t)snprintf(got + used, 200 - used, "%s%d", i ? " " : "", tokens.ids[i]);
    ck_assert_str_eq(got, expected);
    jup_tokens_reset(&tokens);
}

/* "</s>" as text: 63 50 118 65; "hello": 271, with a space in front 272 */
START_TEST(what_is_quoted_is_text)
{
    sample_t s = open_sample("spm-quoting", NULL);
    const unsigned special = JUP_ENCODE_SPECIAL;
    check_quoting(s.t, (jup_stretch_t){0, 0}, special, "1 272 2 272 2");
    check_quoting(s.t, (jup_stretch_t){8, 12}, special, "1 272 63 50 118 65 271 2");
    check_quoting(s.t, (jup_stretch_t){11, 20}, special, "1 272 63 50 118 65 271 63 50 118 65");
    check_quoting(s.t, (jup_stretch_t){0, 3}, special | JUP_ENCODE_FURTHER,
                  "63 118 65 271 2 272 2");
    close_sample(&s);
}
END_TEST

START_TEST(sentencepiece_special_tokens)
{
    static const vector_t vectors[] = {
        {"", "1", JUP_ENCODE_BOS | JUP_ENCODE_EOS}, /* EOS is not this model's rule */
        {"hello", "1 272", JUP_ENCODE_BOS},
        {"he[X]hello", "259 268 279 271", 0}, /* user defined: always, no space behind it */
        {"[X]", "259 279", 0},
        {"<s>", "259 63 118 65", 0}, /* plain text is never a control token */
        {"hed", "259 268 266", 0},
        {"hed", "283", JUP_ENCODE_SPECIAL},
        {"<s>", "1", JUP_ENCODE_SPECIAL},
        {"<turn>hello</s>", "281 272 2", JUP_ENCODE_SPECIAL},
        {"<unk>[X]", "0 259 279", JUP_ENCODE_SPECIAL},
        {"<tur", "259 63 119 120 265", JUP_ENCODE_SPECIAL}, /* r is a piece */
    };
    sample_t s = open_sample("spm-special", NULL);
    CHECK_VECTORS(s.t, vectors);
    ck_assert(jup_tokenizer_adds_bos(s.t) && !jup_tokenizer_adds_eos(s.t));
    ck_assert_int_eq(jup_tokenizer_bos(s.t), 1);
    ck_assert_int_eq(jup_tokenizer_eos(s.t), 2);
    ck_assert_int_eq(jup_tokenizer_unknown(s.t), 0);
    ck_assert(jup_tokenizer_is_eog(s.t, 2) && jup_tokenizer_is_eog(s.t, 282));
    ck_assert(!jup_tokenizer_is_eog(s.t, 1) && !jup_tokenizer_is_eog(s.t, -1));
    ck_assert(jup_tokenizer_is_control(s.t, 281) && !jup_tokenizer_is_control(s.t, 279));
    close_sample(&s);
}
END_TEST

static void check_piece(const jup_tokenizer_t *t, int32_t id, const char *expected)
{
    jup_text_t piece = jup_tokenizer_piece(t, id);
    ck_assert_msg(jup_text_equal(piece, jup_text(expected, strlen(expected))),
                  "piece %d is '%.*s', expected '%s'", id, (int)piece.length, piece.data, expected);
}

START_TEST(sentencepiece_pieces)
{
    sample_t s = open_sample("spm-pieces", NULL);
    check_piece(s.t, 277, " world");
    check_piece(s.t, 3 + 0xC3, "\xC3");
    check_piece(s.t, 279, "[X]");
    check_piece(s.t, 0, "");
    check_piece(s.t, 1, "");
    check_piece(s.t, -1, "");
    check_piece(s.t, 1 << 30, "");
    ck_assert_int_eq(jup_tokenizer_find(s.t, "\u2581world"), 277);
    ck_assert_int_eq(jup_tokenizer_find(s.t, "world"), -1);
    ck_assert_int_eq(jup_tokenizer_vocab_size(s.t), 284);
    close_sample(&s);
}
END_TEST

/* ---- byte-level BPE ----------------------------------------------------------------------- */

START_TEST(byte_level_gpt2)
{
    static const vector_t vectors[] = {
        {"", "", 0},
        {"hello", "259", 0},
        {"hello world", "259 262 108 100", 0},
        {"hellhe", "258 256", 0},
        {"lll", "257 108", 0},
        {"1234", "265", 0},
        {"'M", "39 77", 0},       /* no contraction: cut between ' and M */
        {"\n\na", "10 10 97", 0}, /* the last space of a run goes with the next word */
        {"\n\n", "267", 0},
        {"  w", "32 260", 0},
        {"\u00E9\xFF", "195 169 255", 0},
        {"xyz", "120 121 122", 0}, /* in the vocabulary, but no merges lead there */
        {"<|eot_id|>", "60 124 101 111 116 95 105 100 124 62", 0},
        {"a<|eot_id|>hello", "97 271 259", JUP_ENCODE_SPECIAL},
        {"a<think>a", "97 272 97", JUP_ENCODE_BOS}, /* no BOS with gpt-2 */
    };
    sample_t s = open_sample("gpt2", "gpt-2");
    CHECK_VECTORS(s.t, vectors);
    ck_assert_str_eq(jup_tokenizer_kind(s.t), "byte-level BPE, pre-tokenizer gpt-2");
    ck_assert(jup_tokenizer_is_eog(s.t, 270) && jup_tokenizer_is_eog(s.t, 271));
    check_piece(s.t, 262, " wor");
    check_piece(s.t, 0xE9, "\xE9");
    check_piece(s.t, 272, "<think>");
    check_piece(s.t, 271, "");
    close_sample(&s);
}
END_TEST

START_TEST(byte_level_llama3)
{
    static const vector_t vectors[] = {
        {"1234", "264 52", 0},  /* at most three digits */
        {"'M", "266", 0},       /* contractions in any case */
        {"\n\na", "267 97", 0}, /* newlines stay together */
        {"xyz", "269", 0},      /* a whole word of the vocabulary needs no merges */
        {"xyzz", "120 121 122 122", 0},
        {"hello", "270 259", JUP_ENCODE_BOS},
    };
    sample_t s = open_sample("llama3", "llama-bpe");
    CHECK_VECTORS(s.t, vectors);
    close_sample(&s);
    s = open_sample("llama3", "llama3");
    CHECK_VECTORS(s.t, vectors);
    close_sample(&s);
}
END_TEST

START_TEST(byte_level_qwen2)
{
    static const vector_t vectors[] = {
        {"1234", "49 50 51 52", 0}, /* digit by digit */
        {"'M", "266", 0},           {"\n\na", "267 97", 0},
        {"xyz", "120 121 122", 0},  {"hello", "259", JUP_ENCODE_BOS},
    };
    sample_t s = open_sample("qwen2", "qwen2");
    CHECK_VECTORS(s.t, vectors);
    close_sample(&s);
}
END_TEST

/* ---- pre-tokenizers ----------------------------------------------------------------------- */

static void append_word(void *context, jup_text_t word)
{
    char *line = context;
    size_t used = strlen(line);
    snprintf(line + used, 500 - used, "[%.*s]", (int)word.length, word.data);
}

static void check_words(const char *name, const char *text, const char *expected)
{
    jup_pretokenizer_t *p;
    char line[500] = "";
    ck_assert_int_eq(jup_pretokenizer_new(jup_pretokenizer_rules(name), &p, NULL), JUP_OK);
    ck_assert_int_eq(jup_pretokenizer_run(p, jup_text(text, strlen(text)), append_word, line, NULL),
                     JUP_OK);
    ck_assert_msg(strcmp(line, expected) == 0, "%s: %s, expected %s", name, line, expected);
    jup_pretokenizer_destroy(p);
}

START_TEST(words_of_gpt2)
{
    check_words("gpt-2", "I'm here, it's 2024!!  ok\n\n x",
                "[I]['m][ here][,][ it]['s][ 2024][!!][ ][ ok][\n\n][ x]");
    check_words("gpt-2", "\u00DCber \u4F60\u597D \u0661\u0662 a\u0301",
                "[\u00DCber][ \u4F60\u597D][ \u0661\u0662][ a][\u0301]");
    check_words("gpt-2", "a\u00A0\u2003b\u180Ec", "[a][\u00A0][\u2003][b][\u180E][c]");
    check_words("gpt-2", "a\xFF\xFE b\xC3", "[a][\xFF\xFE][ b][\xC3]");
    check_words("default", "1234", "[123][4]");
}
END_TEST

START_TEST(words_of_llama3_and_qwen2)
{
    check_words("llama-bpe", "I'M here, it's 20245!!\n  ok (yes)\r\n\r\n x",
                "[I]['M][ here][,][ it]['s][ ][202][45][!!\n][ ][ ok][ (][yes][)\r\n\r\n][ x]");
    check_words("qwen2", "x12 \t\n\n y's", "[x][1][2][ \t\n\n][ y]['s]");
    check_words("smaug-bpe", "12345", "[123][45]");
    check_words("llama-bpe", "\u00BD\u2167 $a", "[\u00BD\u2167][ $][a]");
}
END_TEST

START_TEST(words_of_tekken)
{
    check_words("tekken", "helloWorld HTTPServer 42 a/b//\n",
                "[hello][World][ HTTPServer][ ][4][2][ a][/b][//\n]");
}
END_TEST

/* Expected words: HF tokenizers 0.23 with the pre-tokenizers of the models' own tokenizer.json. */
START_TEST(words_of_digit_cutters)
{
    static const char *const names[] = {"starcoder", "refact", "smollm"};
    for (int i = 0; i < 3; i++)
        check_words(names[i], "I'm 2024  ok\n\n x1y \u00B2\u00BD!",
                    "[I]['m][ ][2][0][2][4][ ][ ok][\n\n][ x][1][y][ ][\u00B2][\u00BD][!]");
    check_words("command-r", "cafe\u0301 42", "[caf\u00E9][ ][4][2]");
    check_words("falcon3", "12345", "[123][45]");
}
END_TEST

START_TEST(words_of_deepseek)
{
    check_words("deepseek-llm", "\u00DCn\u00EF 2024\n\n \u4F60\u597D\uFF0C\u4E16\u754C! \uFB01'x  ",
                "[\u00DC][n][\u00EF][ ][2024][\n][\n][ ][\u4F60\u597D][\uFF0C][\u4E16\u754C][!]"
                "[ \uFB01]['][x][  ]");
    check_words("deepseek-coder", "if (x12==3)\r\n  \u4F60\u597D\uFF0C y_z. \u2167",
                "[if][ (][x][1][2][==][3][)][\r][\n][ ][ ][\u4F60\u597D][\uFF0C][ y][_][z][.][ ]"
                "[\u2167]");
    check_words("deepseek-v3", "x=12345 \u4F60\u597D\u304B\u306A\u0410-b\n\n ok?",
                "[x][=][123][45][ ][\u4F60\u597D\u304B\u306A][\u0410][-b][\n\n][ ok][?]");
}
END_TEST

START_TEST(words_of_younger_families)
{
    check_words("gpt-4o",
                "helloWorld's HTTPServer'LL 12345//\n \u0928\u092E\u0938\u094D\u0924\u0947",
                "[hello][World's][ HTTPServer'LL][ ][123][45][//\n]"
                "[ \u0928\u092E\u0938\u094D\u0924\u0947]");
    check_words("qwen35", "\u0928\u092E\u0938\u094D\u0924\u0947 12's e\u0323\u0302 \u200D.",
                "[\u0928\u092E\u0938\u094D\u0924\u0947][ ][1][2]['s][ \u1EC7][ \u200D.]");
    check_words("default", "a+b=c 12345, it's ^~|`x`",
                "[a][+][b][=][c][ ][123][45][,][ it]['][s][ ][^~|][`][x][`]");
    check_words("falcon", "a+b=c 12345, it's ^~|`x`",
                "[a][+][b][=][c][ ][123][45][,][ it]['][s][ ][^~|`][x][`]");
}
END_TEST

START_TEST(qwen_composes_letters)
{
    check_words("qwen2", "cafe\u0301 \u1112\u1161\u11AB A\u030A", "[caf\u00E9][ \uD55C][ \u00C5]");
    check_words("stablelm2", "e\u0301", "[e][\u0301]");
    check_words("qwen2", "e\xCC", "[e][\xCC]"); /* no UTF-8: as it is */
    sample_t s = open_sample("nfc", "qwen2");
    static const vector_t vectors[] = {{"e\u0301", "195 169", 0}, {"\u00E9", "195 169", 0}};
    CHECK_VECTORS(s.t, vectors);
    close_sample(&s);
}
END_TEST

/* ---- whatever the bytes -------------------------------------------------------------------- */

static void check_round_trip(const jup_tokenizer_t *t, jup_text_t text, size_t skipped)
{
    jup_tokens_t tokens = {0};
    char decoded[2000];
    size_t used = 0;
    ck_assert_int_eq(jup_tokenizer_encode(t, text, JUP_ENCODE_SPECIAL, &tokens, NULL), JUP_OK);
    for (size_t i = 0; i < tokens.count; i++) {
        jup_text_t piece = jup_tokenizer_piece(t, tokens.ids[i]);
        ck_assert_uint_lt(used + piece.length, sizeof decoded);
        memcpy(decoded + used, piece.data, piece.length);
        used += piece.length;
    }
    jup_tokens_reset(&tokens);
    ck_assert_uint_eq(used, text.length + skipped);
    ck_assert_mem_eq(decoded + skipped, text.data, text.length);
}

START_TEST(any_bytes_come_back)
{
    static const char *const pres[] = {NULL,     "gpt-2",        "llama-bpe",      "stablelm2",
                                       "tekken", "deepseek-llm", "deepseek-coder", "smollm",
                                       "gpt-4o", "deepseek-v3",  "default"};
    static const char favourites[] = "hello wor'M\n 12\xC3\xA9\xE4\xB8\x96\xF0\x9F\x98\xFF\x80";
    jup_rng_t rng;
    jup_rng_init(&rng, 1);
    for (size_t p = 0; p < sizeof pres / sizeof *pres; p++) {
        sample_t s = open_sample("any", pres[p]);
        for (int round = 0; round < 400; round++) {
            char text[300];
            size_t length = 1 + (size_t)jup_rng_below(&rng, sizeof text - 1);
            for (size_t i = 0; i < length; i++)
                text[i] = round % 2 ? (char)jup_rng_below(&rng, 256)
                                    : favourites[jup_rng_below(&rng, sizeof favourites - 1)];
            check_round_trip(s.t, jup_text(text, length), pres[p] ? 0 : 1);
        }
        close_sample(&s);
    }
}
END_TEST

START_TEST(long_texts_take_no_quadratic_time)
{
    static const char *const pres[] = {NULL, "gpt-2", "llama-bpe", "tekken"};
    enum { BYTES = 200000 };
    char *text = jup_new(BYTES, 1);
    for (size_t p = 0; p < sizeof pres / sizeof *pres; p++) {
        sample_t s = open_sample("long", pres[p]);
        for (const char *fill = "l 1\n\xFF"; *fill; fill++) {
            jup_tokens_t tokens = {0};
            memset(text, *fill, BYTES);
            ck_assert_int_eq(jup_tokenizer_encode(s.t, jup_text(text, BYTES), 0, &tokens, NULL),
                             JUP_OK);
            ck_assert_uint_ge(tokens.count, BYTES / 3);
            jup_tokens_reset(&tokens);
        }
        close_sample(&s);
    }
    jup_free(text);
}
END_TEST

/* ---- streaming ---------------------------------------------------------------------------- */

static void check_push(jup_detokenizer_t *d, int32_t id, const char *expected)
{
    jup_text_t out = jup_detokenizer_push(d, id);
    ck_assert_msg(jup_text_equal(out, jup_text(expected, strlen(expected))),
                  "id %d gives '%.*s', expected '%s'", id, (int)out.length, out.data, expected);
}

static void check_finish(jup_detokenizer_t *d, const char *expected)
{
    jup_text_t out = jup_detokenizer_finish(d);
    ck_assert(jup_text_equal(out, jup_text(expected, strlen(expected))));
    jup_detokenizer_reset(d);
}

START_TEST(streams_hold_back_half_characters)
{
    sample_t s = open_sample("stream", "gpt-2");
    jup_detokenizer_t d;
    jup_detokenizer_init(&d, s.t, true);
    check_push(&d, 0xC3, "");
    check_push(&d, 0xA9, "\u00E9");
    check_push(&d, 259, "hello");
    check_push(&d, 0xF0, "");
    check_push(&d, 0x9F, "");
    check_push(&d, 270, ""); /* a control token in between shows nothing */
    check_push(&d, 0x98, "");
    check_push(&d, 0x80, "\U0001F600");
    check_push(&d, 0xE4, "");
    check_push(&d, 'a',
               "\uFFFD"
               "a"); /* never finished */
    check_push(&d, 0xFF, "\uFFFD");
    check_push(&d, 0xE0, "");
    check_push(&d, 0x80, "\uFFFD\uFFFD"); /* E0 80 starts nothing */
    check_push(&d, 0xED, "");
    check_push(&d, 0xA0, "\uFFFD\uFFFD"); /* a surrogate */
    check_push(&d, 0xE4, "");
    check_push(&d, 0xB8, "");
    check_finish(&d, "\uFFFD");
    close_sample(&s);
}
END_TEST

START_TEST(streams_drop_the_space_in_front)
{
    sample_t s = open_sample("stream-spm", NULL);
    jup_detokenizer_t d;
    jup_detokenizer_init(&d, s.t, true);
    check_push(&d, 1, "");
    check_push(&d, 272, "hello");
    check_push(&d, 277, " world");
    check_finish(&d, "");
    jup_detokenizer_init(&d, s.t, false);
    check_push(&d, 277, " world");
    check_finish(&d, "");
    jup_detokenizer_init(&d, s.t, true);
    check_push(&d, 259, "");
    check_push(&d, 259, " ");
    check_finish(&d, "");
    close_sample(&s);
}
END_TEST

/* ---- refusing ----------------------------------------------------------------------------- */

static void check_refused(jup_gguf_writer_t *w, const char *words)
{
    char path[256];
    jup_gguf_t *g;
    jup_tokenizer_t *t;
    jup_error_t err = {0};
    ck_assert_int_eq(jup_gguf_save(w, io_sample_path(path, "refused"), NULL), JUP_OK);
    ck_assert_int_eq(jup_gguf_open(path, &g, NULL), JUP_OK);
    size_t blocks = jup_mem_live_blocks();
    ck_assert_int_eq(jup_tokenizer_new(g, &t, &err), JUP_EINPUT);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    ck_assert_ptr_null(t);
    ck_assert_msg(strstr(err.text, words), "'%s' does not say '%s'", err.text, words);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    jup_gguf_close(g);
    jup_gguf_writer_destroy(w);
    remove(path);
}

START_TEST(unsupported_kinds_are_named)
{
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    check_refused(w, "holds no tokenizer");
    w = jup_gguf_writer_new();
    jup_gguf_put_text(w, "tokenizer.ggml.model", "rwkv");
    check_refused(w, "tokenizer 'rwkv' is not supported (supported: llama");
    w = jup_gguf_writer_new();
    jup_gguf_put_text(w, "tokenizer.ggml.model", "llama");
    check_refused(w, "holds no vocabulary");
    w = jup_gguf_writer_new();
    io_sample_put_bpe(w, "tomorrow-1");
    check_refused(w, "pre-tokenizer 'tomorrow-1' is not supported (supported: gpt-2, default");
}
END_TEST

/* A SentencePiece vocabulary of three tokens, its tables as told. */
static jup_gguf_writer_t *small_spm(int64_t scores, int64_t types, int32_t last_type,
                                    const char *last)
{
    static const float score[4] = {0};
    const jup_text_t texts[] = {{"<unk>", 5}, {"<s>", 3}, {last, strlen(last)}};
    const int32_t type[4] = {2, 3, last_type, 1};
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_gguf_put_text(w, "tokenizer.ggml.model", "llama");
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", texts, 3);
    jup_gguf_put_array(w, "tokenizer.ggml.scores", JUP_GGUF_F32, score, scores);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, type, types);
    return w;
}

START_TEST(ends_of_turn_are_known_whatever_their_type)
{
    char path[256];
    jup_gguf_t *g;
    jup_tokenizer_t *t;
    jup_gguf_writer_t *w = small_spm(3, 3, 1, "<|im_end|>");
    ck_assert_int_eq(jup_gguf_save(w, io_sample_path(path, "ends"), NULL), JUP_OK);
    ck_assert_int_eq(jup_gguf_open(path, &g, NULL), JUP_OK);
    ck_assert_int_eq(jup_tokenizer_new(g, &t, NULL), JUP_OK);
    static const vector_t vectors[] = {{"<|im_end|>", "2", JUP_ENCODE_SPECIAL}};
    CHECK_VECTORS(t, vectors);
    ck_assert(jup_tokenizer_is_eog(t, 2) && jup_tokenizer_is_control(t, 2));
    jup_tokenizer_destroy(t);
    jup_gguf_close(g);
    jup_gguf_writer_destroy(w);
    remove(path);
}
END_TEST

START_TEST(tables_that_do_not_fit_are_refused)
{
    check_refused(small_spm(2, 3, 1, "a"), "scores has 2 items for 3 tokens");
    check_refused(small_spm(3, 4, 1, "a"), "token_type has 4 items for 3 tokens");
    check_refused(small_spm(3, 3, 7, "a"), "token_type[2] is 7");
    check_refused(small_spm(3, 3, 6, "<0xG0>"), "token 2 is marked as a byte");
    jup_gguf_writer_t *w = small_spm(3, 3, 1, "a");
    jup_gguf_put_int(w, "tokenizer.ggml.eos_token_id", JUP_GGUF_U32, 3);
    check_refused(w, "'tokenizer.ggml.eos_token_id' is 3, expected 0 to 2");
}
END_TEST

static jup_gguf_writer_t *small_bpe(const char *merge)
{
    char texts[256][8];
    jup_text_t views[256], merges[1] = {{merge, strlen(merge)}};
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    for (int b = 0; b < 256; b++) {
        io_sample_byte_char((unsigned char)b, texts[b]);
        views[b] = jup_text(texts[b], strlen(texts[b]));
    }
    jup_gguf_put_text(w, "tokenizer.ggml.model", "gpt2");
    jup_gguf_put_text(w, "tokenizer.ggml.pre", "gpt-2");
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", views, merge[0] == '-' ? 255 : 256);
    if (merge[0] != '!')
        jup_gguf_put_texts(w, "tokenizer.ggml.merges", merges, 1);
    return w;
}

START_TEST(broken_merges_are_refused)
{
    check_refused(small_bpe("ab"), "merges[0] is 'ab'");
    check_refused(small_bpe(" a"), "merges[0] is ' a'");
    check_refused(small_bpe("a "), "merges[0] is 'a '");
    check_refused(small_bpe(""), "merges[0] is ''");
    check_refused(small_bpe("!"), "merges is missing");
    check_refused(small_bpe("- a"), "neither a token for byte 0xFF nor an unknown token");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("tokenizer");
    unit_add(s, sentencepiece_merges_by_score, 10);
    unit_add(s, sentencepiece_special_tokens, 10);
    unit_add(s, what_is_quoted_is_text, 10);
    unit_add(s, sentencepiece_pieces, 10);
    unit_add(s, byte_level_gpt2, 10);
    unit_add(s, byte_level_llama3, 10);
    unit_add(s, byte_level_qwen2, 10);
    unit_add(s, words_of_gpt2, 10);
    unit_add(s, words_of_llama3_and_qwen2, 10);
    unit_add(s, words_of_tekken, 10);
    unit_add(s, words_of_digit_cutters, 10);
    unit_add(s, words_of_deepseek, 10);
    unit_add(s, words_of_younger_families, 10);
    unit_add(s, qwen_composes_letters, 10);
    unit_add(s, any_bytes_come_back, 60);
    unit_add(s, long_texts_take_no_quadratic_time, 60);
    unit_add(s, streams_hold_back_half_characters, 10);
    unit_add(s, streams_drop_the_space_in_front, 10);
    unit_add(s, unsupported_kinds_are_named, 10);
    unit_add(s, ends_of_turn_are_known_whatever_their_type, 10);
    unit_add(s, tables_that_do_not_fit_are_refused, 10);
    unit_add(s, broken_merges_are_refused, 10);
    return s;
}

UNIT_MAIN(suite)
