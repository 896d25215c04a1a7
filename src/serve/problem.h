/** What is wrong with a request, in the form that OpenAI's clients know: status, text, field. */
#ifndef JUP_SERVE_PROBLEM_H
#define JUP_SERVE_PROBLEM_H

#include <jansson.h>
#include <stdbool.h>

typedef struct jup_problem {
    int status;       /* of HTTP; 0: none */
    const char *code; /* a literal: "invalid_value", ...; NULL: none */
    char param[96];   /* the field: "messages[0].role"; "": none */
    char text[700];
} jup_problem_t;

/** Fills it in; returns false, for `return jup_problem(...)`. param: may be NULL. */
bool jup_problem(jup_problem_t *problem, int status, const char *code, const char *param,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/** {"error": {"message", "type", "param", "code"}}; a new reference. */
json_t *jup_problem_json(const jup_problem_t *problem);

#endif
