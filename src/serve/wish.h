/**
 * What a client asks for, as OpenAI's API has it, checked: a conversation (/v1/chat/completions)
 * or a text to go on with (/v1/completions). Fields that would change the answer and are not
 * supported are refused; unknown ones, too.
 *
 * Beyond that API: "outline" (true, false or "auto"), "speculate" (false: nothing is guessed
 * ahead), "top_k", "repeat_penalty".
 */
#ifndef JUP_SERVE_WISH_H
#define JUP_SERVE_WISH_H

#include "ask/texts.h"
#include "serve/problem.h"

typedef enum jup_wish_kind { JUP_WISH_CHAT, JUP_WISH_TEXT } jup_wish_kind_t;

/** What a server does unless it is told otherwise, and what it cannot do. */
typedef struct jup_wish_rules {
    const char *model;       /* the name that it answers to */
    jup_sampling_t sampling; /* usual */
    int32_t most_tokens;     /* of an answer */
    int32_t point_tokens;    /* of a point, unless it is told otherwise */
    int32_t most_choices;
    bool speculates; /* there are sources of guesses */
} jup_wish_rules_t;

enum { JUP_WISH_TURNS = 1024, JUP_WISH_STOPS = 16, JUP_WISH_TEXT_TOKENS = 16 };

/** One turn of a conversation; the user's and the assistant's alternate. */
typedef struct jup_turn {
    bool user;
    char *text;
} jup_turn_t;

typedef struct jup_wish {
    jup_wish_kind_t kind;
    char *system; /* NULL: none */
    jup_turn_t *turns;
    int32_t n_turns;     /* odd: the first and the last are the user's */
    char *text;          /* to go on with; NULL: tokens are */
    jup_tokens_t tokens; /* as they are */
    bool stream, usage;  /* usage: tell it at the stream's end */
    bool seeded;         /* picking.sampling.seed is the client's */
    int32_t choices;
    int32_t generate; /* tokens of an answer at most */
    jup_picking_t picking;
    char **stops; /* NULL-terminated; NULL: none */
    jup_outline_mode_t outline;
    bool unguessed;
} jup_wish_t;

/** text (bytes): the body of a request. False, with the problem, when it cannot be. */
bool jup_wish_read(jup_wish_t *wish, jup_wish_kind_t kind, const char *text, size_t bytes,
                   const jup_wish_rules_t *rules, jup_problem_t *problem);
void jup_wish_reset(jup_wish_t *wish);

#endif
