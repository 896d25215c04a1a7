/* The families of pre-tokenizers: what each was published with, and the names for it. */
#include "io/pretokenize.h"

#include <stdio.h>
#include <string.h>

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
#define ANY_CASE "(?i:" CONTRACTIONS ")"
#define OTHERS " ?[^" SPACES "\\p{L}\\p{N}]+"
#define LINES SPACE "*[\\r\\n]+|" TRAILING_SPACES
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE "[^\\r\\n\\p{L}\\p{N}]?"
#define LETTERS BEFORE "\\p{L}+|"

/* DeepSeek's own list of letters that have a case. */
// clang-format off
#define CASED \
    "A-Za-z" \
    "\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}" \
    "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}" \
    "\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}" \
    "\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}" \
    "\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}" \
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}" \
    "\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}" \
    "\\x{1F59}\\x{1F5B}\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}" \
    "\\x{1FBE}\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}" \
    "\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}" \
    "\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}\\x{2126}" \
    "\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}" \
    "\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}" \
    "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}" \
    "\\x{A722}-\\x{A76F}\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}" \
    "\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}" \
    "\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}" \
    "\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}"
// clang-format on

#define GPT2 CONTRACTIONS "| ?\\p{L}+| ?\\p{N}+|" OTHERS "|" TRAILING_SPACES
#define LLAMA3 ANY_CASE "|" LETTERS "\\p{N}{1,3}|" OTHERS "[\\r\\n]*|" LINES
#define QWEN2 ANY_CASE "|" LETTERS "\\p{N}|" OTHERS "[\\r\\n]*|" LINES
#define QWEN35                                                                                     \
    ANY_CASE "|" BEFORE "[\\p{L}\\p{M}]+|\\p{N}| ?[^" SPACES "\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"       \
             "|" LINES
#define TEKKEN                                                                                     \
    BEFORE UPPER "*" LOWER "+|" BEFORE UPPER "+" LOWER "*|\\p{N}|" OTHERS "[\\r\\n/]*|" LINES
#define GPT4O                                                                                      \
    BEFORE UPPER "*" LOWER "+" ANY_CASE "?|" BEFORE UPPER "+" LOWER "*" ANY_CASE                   \
                 "?|\\p{N}{1,3}|" OTHERS "[\\r\\n/]*|" LINES
#define DEEPSEEK3                                                                                  \
    "[!-/:-@\\[-`{-~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"                        \
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" LINES
#define EACH_LINE_END "[\\r\\n]"
#define HAN_AND_MORE "[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+"
#define THREE_DIGITS "[0-9][0-9][0-9]"

static const jup_pretokenizer_rules_t families[] = {
    {.family = "gpt-2", .patterns = {GPT2}},
    {.family = "default", .patterns = {"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", THREE_DIGITS}},
    {.family = "falcon", .patterns = {"[\\p{P}$+<=>^~|`]+", GPT2, THREE_DIGITS}},
    {.family = "llama-bpe", .patterns = {LLAMA3}, .ignore_merges = true, .add_bos = true},
    {.family = "smaug-bpe", .patterns = {LLAMA3}},
    {.family = "qwen2", .patterns = {QWEN2}, .compose = true},
    {.family = "stablelm2", .patterns = {QWEN2}},
    {.family = "qwen35", .patterns = {QWEN35}, .compose = true},
    {.family = "tekken", .patterns = {TEKKEN}, .ignore_merges = true, .add_bos = true},
    {.family = "gpt-4o", .patterns = {GPT4O}},
    {.family = "starcoder", .patterns = {"\\p{N}", GPT2}},
    {.family = "command-r", .patterns = {"\\p{N}", GPT2}, .compose = true},
    {.family = "deepseek-llm",
     .patterns = {EACH_LINE_END, SPACE "?[" CASED "]+",
                  SPACE "?[!-/:-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}"
                        "\\x{3000}-\\x{3002}]+",
                  SPACE "+$", HAN_AND_MORE, "\\p{N}+"}},
    {.family = "deepseek-coder",
     .patterns = {EACH_LINE_END, SPACE "?\\p{L}+", SPACE "?\\p{P}+", HAN_AND_MORE, "\\p{N}"}},
    {.family = "deepseek-v3",
     .patterns = {"\\p{N}{1,3}", "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{30FF}]+", DEEPSEEK3}},
};

/* Other values of tokenizer.ggml.pre; converters name a family after the model they met first. */
static const struct {
    const char *name, *family;
} aliases[] = {
    {"llama3", "llama-bpe"},
    {"llama-v3", "llama-bpe"},
    {"falcon3", "llama-bpe"},
    {"falcon-h1", "llama-bpe"},
    {"pixtral", "llama-bpe"},
    {"midm-2.0", "llama-bpe"},
    {"lfm2", "llama-bpe"},
    {"dbrx", "smaug-bpe"},
    {"glm4", "smaug-bpe"},
    {"chatglm-bpe", "smaug-bpe"},
    {"phi-2", "gpt-2"},
    {"mpt", "gpt-2"},
    {"olmo", "gpt-2"},
    {"jais", "gpt-2"},
    {"exaone4", "gpt-2"},
    {"gigachat", "gpt-2"},
    {"a.x-4.0", "gpt-2"},
    {"mellum", "gpt-2"},
    {"trillion", "gpt-2"},
    {"granite-docling", "gpt-2"},
    {"deepseek-r1-qwen", "qwen2"},
    {"kormo", "qwen2"},
    {"megrez", "stablelm2"},
    {"hunyuan", "stablelm2"},
    {"solar-open", "stablelm2"},
    {"llama4", "gpt-4o"},
    {"kanana2", "gpt-4o"},
    {"smollm", "starcoder"},
    {"refact", "starcoder"},
    {"codeshell", "starcoder"},
    {"exaone", "starcoder"},
    {"minerva-7b", "starcoder"},
    {"hunyuan-dense", "deepseek-v3"},
};

enum {
    FAMILIES = sizeof families / sizeof *families,
    ALIASES = sizeof aliases / sizeof *aliases,
};

const jup_pretokenizer_rules_t *jup_pretokenizer_rules(const char *name)
{
    for (size_t i = 0; i < ALIASES; i++)
        if (strcmp(aliases[i].name, name) == 0)
            name = aliases[i].family;
    for (size_t i = 0; i < FAMILIES; i++)
        if (strcmp(families[i].family, name) == 0)
            return &families[i];
    return NULL;
}

void jup_pretokenizer_names(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < FAMILIES + ALIASES && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 i < FAMILIES ? families[i].family : aliases[i - FAMILIES].name);
}
