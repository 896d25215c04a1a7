/* tokenizer.json and tokenizer_config.json: vocabulary, merges, special tokens, the family. */
#include "base/mem.h"
#include "io/hf.h"
#include "io/text_index.h"

#include <stdio.h>
#include <string.h>

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, BYTE = 6 };

/* A vocabulary under construction; texts belong to the JSON. */
typedef struct vocabulary {
    jup_text_t *texts;
    int32_t *types;
    float *scores;
    int64_t size;
} vocabulary_t;

/* ---- special tokens -------------------------------------------------------------------------- */

/* The text of a special token in tokenizer_config.json: a text or an object with "content". */
static const char *token_text(const json_t *settings, const char *key)
{
    const json_t *value = json_object_get(settings, key);
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static int64_t find(const jup_text_t *texts, int64_t count, const char *text)
{
    for (int64_t i = 0; text && i < count; i++)
        if (jup_text_equal(texts[i], jup_text(text, strlen(text))))
            return i;
    return -1;
}

static void put_id(jup_gguf_writer_t *w, const char *key, const jup_text_t *texts, int64_t count,
                   const char *text, const json_t *id)
{
    int64_t found = find(texts, count, text);
    const json_t *first = json_is_array(id) ? json_array_get(id, 0) : id;
    if (found < 0 && json_is_integer(first))
        found = json_integer_value(first);
    if (found >= 0 && found < count)
        jup_gguf_put_int(w, key, JUP_GGUF_U32, found);
}

/* A list of templates by name: the one called "default". */
static const char *chat_template(const json_t *settings)
{
    const json_t *value = json_object_get(settings, "chat_template");
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)value, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && strcmp(name, "default") == 0)
            return json_string_value(json_object_get(item, "template"));
    }
    return json_string_value(value);
}

void jup_hf_put_specials(jup_gguf_writer_t *w, const jup_text_t *texts, int64_t count,
                         const json_t *settings, const json_t *config, bool add_bos)
{
    const json_t *says = json_object_get(settings, "add_bos_token");
    const char *template = chat_template(settings);
    put_id(w, "tokenizer.ggml.bos_token_id", texts, count, token_text(settings, "bos_token"),
           json_object_get(config, "bos_token_id"));
    put_id(w, "tokenizer.ggml.eos_token_id", texts, count, token_text(settings, "eos_token"),
           json_object_get(config, "eos_token_id"));
    put_id(w, "tokenizer.ggml.unknown_token_id", texts, count, token_text(settings, "unk_token"),
           NULL);
    jup_gguf_put_bool(w, "tokenizer.ggml.add_bos_token",
                      json_is_boolean(says) ? json_is_true(says) : add_bos);
    jup_gguf_put_bool(w, "tokenizer.ggml.add_eos_token",
                      json_is_true(json_object_get(settings, "add_eos_token")));
    if (template)
        jup_gguf_put_text(w, "tokenizer.chat_template", template);
}

/* ---- vocabulary ------------------------------------------------------------------------------ */

static void reset(vocabulary_t *v)
{
    jup_free(v->texts);
    jup_free(v->types);
    jup_free(v->scores);
}

bool jup_hf_id_fits(int64_t id, int64_t tokens)
{
    enum { MOST_TOKENS = 1 << 24, MOST_GAPS = 1 << 16 };
    return id >= 0 && id < MOST_TOKENS && id < 2 * tokens + MOST_GAPS;
}

/* -1: an id is impossible. */
static int64_t size_of(const json_t *vocab, const json_t *added)
{
    int64_t tokens = (int64_t)(json_object_size(vocab) + json_array_size(added)), size = 0, id;
    const char *text;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)vocab, text, value)
    {
        id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (!jup_hf_id_fits(id, tokens))
            return -1;
        size = id >= size ? id + 1 : size;
    }
    json_array_foreach((json_t *)(uintptr_t)added, i, value)
    {
        id = json_integer_value(json_object_get(value, "id"));
        if (!jup_hf_id_fits(id, tokens))
            return -1;
        size = id >= size ? id + 1 : size;
    }
    return size;
}

static void set_text(vocabulary_t *v, int64_t id, jup_text_t text, int32_t type)
{
    v->texts[id] = text;
    v->types[id] = type;
}

static bool is_byte(const char *text)
{
    return strlen(text) == 6 && strncmp(text, "<0x", 3) == 0 && text[5] == '>';
}

static jup_status_t read_vocabulary(vocabulary_t *v, const char *folder, const json_t *model,
                                    const json_t *added, jup_error_t *err)
{
    const json_t *vocab = json_object_get(model, "vocab");
    const char *text, *unknown = json_string_value(json_object_get(model, "unk_token"));
    json_t *value;
    size_t i;
    v->size = size_of(vocab, added);
    if (v->size <= 0)
        return jup_fail(err, JUP_EINPUT,
                        "%s/tokenizer.json: \"vocab\" has no ids, or impossible ones; download it "
                        "again",
                        folder);
    v->texts = jup_new((size_t)v->size, sizeof *v->texts);
    v->types = jup_new((size_t)v->size, sizeof *v->types);
    v->scores = jup_new((size_t)v->size, sizeof *v->scores);
    bool bytes = json_is_true(json_object_get(model, "byte_fallback"));
    for (int64_t id = 0; id < v->size; id++)
        set_text(v, id, jup_text("", 0), NORMAL);
    json_object_foreach((json_t *)(uintptr_t)vocab, text, value)
    {
        int64_t id = json_integer_value(value);
        bool nothing = unknown && strcmp(text, unknown) == 0;
        set_text(v, id, jup_text(text, strlen(text)),
                 bytes && is_byte(text) ? BYTE
                 : nothing              ? UNKNOWN
                                        : NORMAL);
    }
    json_array_foreach((json_t *)(uintptr_t)added, i, value)
    {
        int64_t id = json_integer_value(json_object_get(value, "id"));
        if (v->types[id] == UNKNOWN)
            continue;
        const json_t *content = json_object_get(value, "content");
        if (json_is_string(content))
            set_text(v, id, jup_text(json_string_value(content), json_string_length(content)),
                     json_is_true(json_object_get(value, "special")) ? CONTROL : USER_DEFINED);
    }
    return JUP_OK;
}

/* ---- merges ---------------------------------------------------------------------------------- */

/* "left right", from that or from a pair; a new text, or NULL. */
static char *merge_text(const json_t *merge)
{
    const char *left = json_string_value(json_array_get(merge, 0));
    const char *right = json_string_value(json_array_get(merge, 1));
    if (json_is_string(merge))
        return jup_strdup(json_string_value(merge));
    if (!left || !right)
        return NULL;
    size_t n = strlen(left) + strlen(right) + 2;
    char *text = jup_new(n, 1);
    snprintf(text, n, "%s %s", left, right);
    return text;
}

static void put_merges(jup_gguf_writer_t *w, char *const *merges, size_t count)
{
    jup_text_t *texts = jup_new(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = jup_text(merges[i], strlen(merges[i]));
    jup_gguf_put_texts(w, "tokenizer.ggml.merges", texts, (int64_t)count);
    jup_free(texts);
}

/* SentencePiece's order of merging as scores: the earlier a piece comes about, the higher. */
static void score_merges(vocabulary_t *v, char *const *merges, size_t count)
{
    jup_text_index_t index;
    jup_text_index_init(&index, (size_t)v->size);
    for (int64_t id = 0; id < v->size; id++)
        if (v->texts[id].length)
            jup_text_index_put(&index, v->texts[id], (int32_t)id);
    for (size_t i = count; i-- > 0;) {
        char *space = strchr(merges[i] + 1, ' ');
        if (!space)
            continue;
        memmove(space, space + 1, strlen(space)); /* the two pieces together */
        int32_t id = jup_text_index_find(&index, jup_text(merges[i], strlen(merges[i])));
        if (id >= 0)
            v->scores[id] = -(float)(i + 1);
    }
    jup_text_index_reset(&index);
}

/* ---- the family ------------------------------------------------------------------------------ */

/* The pre-tokenizer as one line: its patterns and steps, with bars between. */
static void describe(const json_t *step, char *line, size_t bytes)
{
    const char *type = json_string_value(json_object_get(step, "type"));
    const json_t *list = json_object_get(step, "pretokenizers");
    const char *regex =
        json_string_value(json_object_get(json_object_get(step, "pattern"), "Regex"));
    size_t i, used = strlen(line);
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) describe(item, line, bytes);
    if (!type || list)
        return;
    if (strcmp(type, "ByteLevel") == 0)
        regex = json_is_false(json_object_get(step, "use_regex")) ? "" : "words";
    if (strcmp(type, "Digits") == 0)
        regex = json_is_true(json_object_get(step, "individual_digits")) ? "digit" : "digits";
    snprintf(line + used, bytes - used, "%s|", regex ? regex : type);
}

#define ENDINGS "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+||"
#define SHORT "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?"
#define UPPER "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

/* NULL: none that is known. */
static const char *family_of(const char *line, bool composes, bool ignores_merges)
{
    static const struct {
        const char *line, *name, *composed;
        bool begins; /* the line alone does not say all */
    } known[] = {
        {"words|", "gpt-2", NULL, false},
        {"digit|words|", "smollm", "command-r", false},
        {SHORT "\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" ENDINGS, "smaug-bpe", NULL,
         false},
        {SHORT "\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" ENDINGS, "stablelm2", "qwen2",
         false},
        {SHORT "[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" ENDINGS, NULL,
         "qwen35", false},
        {UPPER "*" LOWER "+|" UPPER "+" LOWER "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" ENDINGS,
         "tekken", NULL, false},
        {UPPER
         "*" LOWER "+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|" UPPER "+" LOWER
         "*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" ENDINGS,
         "gpt-4o", NULL, false},
        {"[\r\n]|\\s?[A-Za-z", "deepseek-llm", NULL, true},
        {"[\r\n]|\\s?\\p{L}+|\\s?\\p{P}+|", "deepseek-coder", NULL, true},
        {"\\p{N}{1,3}|[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+|", "deepseek-v3", NULL, true},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        bool same = known[i].begins ? strncmp(line, known[i].line, strlen(known[i].line)) == 0
                                    : strcmp(line, known[i].line) == 0;
        const char *name = composes ? known[i].composed : known[i].name;
        if (same && name && strcmp(name, "smaug-bpe") == 0 && ignores_merges)
            return "llama-bpe";
        if (same)
            return name;
    }
    return NULL;
}

static bool has_type(const json_t *step, const char *list_key, const char *type)
{
    const char *own = json_string_value(json_object_get(step, "type"));
    size_t i;
    json_t *item;
    if (own && strcmp(own, type) == 0)
        return true;
    json_array_foreach(json_object_get(step, list_key), i,
                       item) if (has_type(item, list_key, type)) return true;
    return false;
}

/* Whether a text gets a special token in front. */
static bool begins_with_special(const json_t *processor)
{
    size_t i;
    json_t *item;
    if (json_object_get(json_array_get(json_object_get(processor, "single"), 0), "SpecialToken"))
        return true;
    json_array_foreach(json_object_get(processor, "processors"), i,
                       item) if (begins_with_special(item)) return true;
    return false;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static jup_status_t put_byte_level(jup_gguf_writer_t *w, const char *folder,
                                   const json_t *tokenizer, char *const *merges, size_t count,
                                   jup_error_t *err)
{
    const json_t *model = json_object_get(tokenizer, "model");
    char line[4000] = "";
    describe(json_object_get(tokenizer, "pre_tokenizer"), line, sizeof line);
    const char *family =
        family_of(line, has_type(json_object_get(tokenizer, "normalizer"), "normalizers", "NFC"),
                  json_is_true(json_object_get(model, "ignore_merges")));
    if (!family)
        return jup_fail(err, JUP_EINPUT,
                        "%s/tokenizer.json: its pre_tokenizer is of no known family (%.120s); "
                        "convert the model to GGUF",
                        folder, line);
    jup_gguf_put_text(w, "tokenizer.ggml.model", "gpt2");
    jup_gguf_put_text(w, "tokenizer.ggml.pre", family);
    put_merges(w, merges, count);
    return JUP_OK;
}

static void put_sentencepiece(jup_gguf_writer_t *w, const json_t *tokenizer, vocabulary_t *v,
                              char *const *merges, size_t count)
{
    const json_t *pre = json_object_get(tokenizer, "pre_tokenizer");
    const char *scheme = json_string_value(json_object_get(pre, "prepend_scheme"));
    bool prepends = has_type(json_object_get(tokenizer, "normalizer"), "normalizers", "Prepend") ||
                    (scheme && strcmp(scheme, "never") != 0);
    score_merges(v, merges, count);
    jup_gguf_put_text(w, "tokenizer.ggml.model", "llama");
    jup_gguf_put_array(w, "tokenizer.ggml.scores", JUP_GGUF_F32, v->scores, v->size);
    jup_gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", prepends);
}

static jup_status_t put_all(jup_gguf_writer_t *w, const char *folder, const json_t *tokenizer,
                            const json_t *settings, const json_t *config, vocabulary_t *v,
                            char *const *merges, size_t count, jup_error_t *err)
{
    const json_t *model = json_object_get(tokenizer, "model");
    JUP_TRY(read_vocabulary(v, folder, model, json_object_get(tokenizer, "added_tokens"), err));
    if (json_is_true(json_object_get(model, "byte_fallback")))
        put_sentencepiece(w, tokenizer, v, merges, count);
    else
        JUP_TRY(put_byte_level(w, folder, tokenizer, merges, count, err));
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", v->texts, v->size);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, v->types, v->size);
    jup_hf_put_specials(w, v->texts, v->size, settings, config,
                        begins_with_special(json_object_get(tokenizer, "post_processor")));
    return JUP_OK;
}

jup_status_t jup_hf_put_tokenizer(jup_gguf_writer_t *w, const char *folder, const json_t *tokenizer,
                                  const json_t *settings, const json_t *config, jup_error_t *err)
{
    const json_t *model = json_object_get(tokenizer, "model");
    const json_t *list = json_object_get(model, "merges");
    const char *type = json_string_value(json_object_get(model, "type"));
    if (!json_is_array(list) || (type && strcmp(type, "BPE") != 0))
        return jup_fail(err, JUP_EINPUT,
                        "%s/tokenizer.json: its model is %.40s, only BPE is supported", folder,
                        type ? type : "without merges");
    size_t n = json_array_size(list), count = 0;
    char **merges = jup_new(n + 1, sizeof *merges);
    for (size_t i = 0; i < n; i++)
        if ((merges[count] = merge_text(json_array_get(list, i))))
            count++;
    vocabulary_t v = {0};
    jup_status_t status = put_all(w, folder, tokenizer, settings, config, &v, merges, count, err);
    reset(&v);
    for (size_t i = 0; i < count; i++)
        jup_free(merges[i]);
    jup_free(merges);
    return status;
}
