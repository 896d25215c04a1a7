/*
 * libFuzzer target: requests to the server. The first byte says which kind the rest is; what is
 * accepted must be within the limits that were promised, what is refused must say why.
 */
#include "base/mem.h"
#include "serve/wish.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check(const jup_wish_t *wish, const jup_wish_rules_t *rules)
{
    demand(wish->choices >= 1 && wish->choices <= rules->most_choices);
    demand(wish->generate >= 1 && wish->generate <= rules->most_tokens);
    demand(wish->picking.likely >= 0 && wish->picking.likely <= JUP_LIKELY);
    demand(wish->picking.sampling.temperature >= 0 && wish->picking.sampling.temperature <= 2);
    demand(wish->picking.sampling.top_p > 0 && wish->picking.sampling.top_p <= 1);
    for (char **stop = wish->stops; stop && *stop; stop++)
        demand(**stop != '\0');
    if (wish->kind == JUP_WISH_TEXT) {
        demand((wish->text != NULL) != (wish->tokens.count > 0));
        return;
    }
    demand(wish->n_turns % 2 == 1);
    for (int32_t i = 0; i < wish->n_turns; i++)
        demand(wish->turns[i].user == (i % 2 == 0) && wish->turns[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const jup_wish_rules_t rules = {.model = "m",
                                    .sampling = {.top_p = 1, .repeat_penalty = 1},
                                    .most_tokens = 1000,
                                    .point_tokens = 100,
                                    .most_choices = 16,
                                    .speculates = size % 2};
    jup_problem_t problem = {0};
    jup_wish_t wish;
    if (size == 0 || data[0] < '0' || data[0] > '1')
        return -1;
    jup_wish_kind_t kind = data[0] == '0' ? JUP_WISH_CHAT : JUP_WISH_TEXT;
    if (jup_wish_read(&wish, kind, (const char *)data + 1, size - 1, &rules, &problem)) {
        check(&wish, &rules);
        jup_wish_reset(&wish);
    } else {
        demand(problem.status >= 400 && problem.text[0]);
        json_decref(jup_problem_json(&problem));
    }
    demand(jup_mem_live_blocks() == 0);
    return 0;
}
