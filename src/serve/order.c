#include "serve/order.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Choices differ by their seeds; the first has the client's. */
static void init_choice(jup_choice_t *choice, const jup_wish_t *wish, int32_t i, uint64_t fresh)
{
    choice->question = -1;
    choice->picking = wish->picking;
    if (!wish->seeded)
        choice->picking.sampling.seed = fresh;
    choice->picking.sampling.seed += (uint64_t)i * 0x9e3779b97f4a7c15u;
    jup_show_init(&choice->show, NULL, false);
    choice->show.keeps = true;
}

static void init_source(jup_order_t *order, const jup_forms_t *forms)
{
    const jup_wish_t *wish = &order->wish;
    char *question = wish->n_turns == 1 ? jup_compose_question(forms, wish, 0) : NULL;
    order->prompts = jup_compose_prompts(forms, wish);
    jup_questions_add(&order->questions, "", "", question ? question : "");
    jup_free(question);
    order->rules = (jup_answer_rules_t){.tokenizer = forms->tokenizer, .stops = wish->stops};
    order->texts = (jup_texts_t){
        .questions = &order->questions,
        .prompts = &order->prompts,
        .tokenizer = forms->tokenizer,
        .raw = &order->prompt,
        .mode = wish->outline,
        .generate = wish->generate,
        .picking = &order->choices[0].picking,
        .max_points = forms->max_points,
        .context = forms->context,
    };
    order->source = jup_texts_source(&order->texts);
}

jup_order_t *jup_order_new(const jup_forms_t *forms, jup_wish_t *wish, jup_tokens_t *prompt)
{
    jup_order_t *order = jup_new(1, sizeof *order);
    order->wish = *wish;
    order->prompt = *prompt;
    memset(wish, 0, sizeof *wish);
    memset(prompt, 0, sizeof *prompt);
    order->choices = jup_new((size_t)order->wish.choices, sizeof *order->choices);
    uint64_t fresh = jup_rng_fresh();
    for (int32_t i = 0; i < order->wish.choices; i++)
        init_choice(&order->choices[i], &order->wish, i, fresh);
    snprintf(order->id, sizeof order->id, "%s-%016llx",
             order->wish.kind == JUP_WISH_CHAT ? "chatcmpl" : "cmpl",
             (unsigned long long)jup_rng_fresh());
    order->created = jup_clock_epoch_s();
    order->begin_s = jup_clock_now_s();
    order->fd = -1;
    init_source(order, forms);
    return order;
}

void jup_order_destroy(jup_order_t *order)
{
    for (int32_t i = 0; i < order->wish.choices; i++) {
        jup_show_reset(&order->choices[i].show);
        jup_free(order->choices[i].text);
        json_decref(order->choices[i].logprobs);
        json_decref(order->choices[i].points);
    }
    jup_free(order->choices);
    jup_questions_reset(&order->questions);
    jup_tokens_reset(&order->prompt);
    jup_wish_reset(&order->wish);
    jup_free(order->out.bytes);
    jup_free(order);
}

bool jup_order_is_done(const jup_order_t *order)
{
    for (int32_t i = 0; i < order->wish.choices; i++)
        if (!order->choices[i].done)
            return false;
    return true;
}

int32_t jup_order_tokens(const jup_order_t *order)
{
    int32_t tokens = 0;
    for (int32_t i = 0; i < order->wish.choices; i++)
        tokens += order->choices[i].tokens;
    return tokens;
}

void jup_outbox_add(jup_outbox_t *out, const char *bytes, size_t n)
{
    if (out->taken == out->n)
        out->taken = out->n = 0;
    if (out->n + n > out->cap) {
        out->cap = 2 * (out->n + n);
        out->bytes = jup_resize(out->bytes, out->cap, 1);
    }
    memcpy(out->bytes + out->n, bytes, n);
    out->n += n;
}

size_t jup_outbox_take(jup_outbox_t *out, char *to, size_t n)
{
    size_t left = out->n - out->taken;
    n = n < left ? n : left;
    if (n)
        memcpy(to, out->bytes + out->taken, n);
    out->taken += n;
    return n;
}
