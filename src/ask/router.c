#include "ask/router.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 2000 };

typedef struct rule {
    const char *reason;
    bool outline, at_start; /* at_start: the question must begin with the words */
    const char *words[40];  /* NULL-terminated */
} rule_t;

static const rule_t rules[] = {
    {"reasoning",
     false,
     false,
     {"step by step", "reasoning", "calculate", "solve", "compute", "prove", "equation", "multiply",
      "divided", "find the value", "what is the length"}},
    {"code",
     false,
     false,
     {"python function", "a function", "a program", "a queue", "binary search", "python to",
      "regular expression", "c program", "sql query", "source code", "two arrays"}},
    {"a piece of writing",
     false,
     true,
     {"write", "draft", "compose", "can you help me write", "help me write", "structure a",
      "use an appropriate format", "translate", "rewrite", "summarise", "summarize", "edit"}},
    {"a part to play",
     false,
     true,
     {"pretend", "you are", "as a", "as an", "if you were", "act as", "how would you introduce"}},
    {"several points",
     true,
     false,
     {"tips",      "ways",          "steps",        "strategies",    "reasons",
      "benefits",  "differences",   "factors",      "advice",        "challenges",
      "habits",    "methods",       "how can",      "how do i",      "how do we",
      "how could", "how does one",  "how do you",   "how to",        "what if",
      "why",       "explain the",   "describe a",   "guide",         "ideas",
      "improve",   "best way",      "good way",     "pros and cons", "what helps",
      "help me",   "what should i", "what are the", "what are some", "suggestions",
      "imagine"}},
    {"a fact",
     false,
     false,
     {"how many",    "how much",    "how far",       "how tall",         "how old",
      "how big",     "how fast",    "how heavy",     "how often",        "how high",
      "how large",   "how long is", "how long does", "how long do",      "what year",
      "what number", "called",      "call",          "the name",         "capital of",
      "official",    "officially",  "stand for",     "stands for",       "short for",
      "the meaning", "means",       "mean",          "record",           "the term",
      "the word",    "definition",  "define",        "what temperature", "true that",
      "exactly"}},
    {"a fact",
     false,
     true,
     {"who",          "when",          "whose",       "at what",    "at which",
      "in what year", "in which year", "of which",    "what is a",  "what is an",
      "what s a",     "name the",      "name a",      "what does",  "what kind of",
      "what unit",    "what gas",      "what planet", "what metal", "what animal",
      "what color",   "what colour",   "what part",   "what type",  "is",
      "does",         "did",           "do",          "was",        "were",
      "has"}},
    {"a judgement",
     false,
     false,
     {"moral obligation", "should we", "is it more important", "is it better"}},
};

/* Lower case, words with single spaces between and around them. */
static void normalise(const char *question, char text[LONGEST])
{
    int n = 0;
    text[n++] = ' ';
    for (const char *c = question; *c && n < LONGEST - 2; c++) {
        if (isalnum((unsigned char)*c)) {
            text[n++] = (char)tolower((unsigned char)*c);
        } else if (text[n - 1] != ' ') {
            text[n++] = ' ';
        }
    }
    if (text[n - 1] != ' ')
        text[n++] = ' ';
    text[n] = '\0';
}

static bool has(const char *text, const char *words, bool at_start)
{
    size_t n = strlen(words);
    for (const char *at = text; (at = strchr(at, ' ')) && at[1]; at++) {
        if (strncmp(at + 1, words, n) == 0 && at[n + 1] == ' ')
            return true;
        if (at_start)
            return false;
    }
    return false;
}

/* "which metal ...", "what vitamin ...": one thing is asked for; "which tricks ...": several. */
static bool asks_which_one(const char *text)
{
    static const char *const words[] = {" which ", " what "};
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(text, words[i]);
        if (!at)
            continue;
        at += strlen(words[i]);
        size_t n = strcspn(at, " ");
        if (i == 0 && n > 2 && at[n - 1] != 's' && strncmp(at, "way", 3) != 0)
            return true;
    }
    return false;
}

bool jup_router_wants_outline(const char *question, const char **reason)
{
    char text[LONGEST];
    normalise(question, text);
    for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++)
        for (int i = 0; rules[r].words[i]; i++)
            if (has(text, rules[r].words[i], rules[r].at_start)) {
                *reason = rules[r].reason;
                return rules[r].outline;
            }
    if (asks_which_one(text)) {
        *reason = "a fact";
        return false;
    }
    *reason = "nothing against it";
    return true;
}
