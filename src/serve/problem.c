#include "serve/problem.h"

#include <stdarg.h>
#include <stdio.h>

bool jup_problem(jup_problem_t *problem, int status, const char *code, const char *param,
                 const char *format, ...)
{
    va_list args;
    problem->status = status;
    problem->code = code;
    snprintf(problem->param, sizeof problem->param, "%s", param ? param : "");
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}

static const char *type_of(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 429:
        return "rate_limit_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

/* A text may have been cut in the middle of a character. */
static json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    return json ? json : json_string("the request has bytes that are no UTF-8");
}

json_t *jup_problem_json(const jup_problem_t *p)
{
    json_t *param = p->param[0] ? json_text(p->param) : json_null();
    return json_pack("{s:{s:o, s:s, s:o, s:s?}}", "error", "message", json_text(p->text), "type",
                     type_of(p->status), "param", param, "code", p->code);
}
