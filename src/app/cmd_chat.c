/* jupiter chat: as jupiter run, with lines of a conversation instead of one prompt. */
#include "app/commands.h"
#include "app/run.h"
#include "ask/chat.h"
#include "strategy/figures.h"

typedef struct conversation {
    jup_setup_t *setup;
    jup_chat_t chat;
    jup_show_t show;
} conversation_t;

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    conversation_t *c = self;
    const jup_run_options_t *o = &c->setup->options;
    (void)err;
    jup_show_init(&c->show, stdout, o->print_tokens);
    c->chat = (jup_chat_t){
        .engine = &life->session.engine,
        .prompts = &c->setup->prompts,
        .rules = {.tokenizer = c->setup->tokenizer, .ignore_eos = o->ignore_eos, .stops = o->stops},
        .show = &c->show,
        .in = stdin,
        .generate = o->generate,
        .context = jup_setup_context(c->setup),
        .quiet = o->quiet,
    };
    jup_chat_run(&c->chat);
    return JUP_OK;
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    conversation_t *c = self;
    jup_analysis_t analysis;
    jup_run_store(record, &analysis, "chat");
    jup_figures_store(&life->session.engine, record);
    if (!c->setup->options.quiet)
        jup_run_print(record, &analysis, &life->job.plan);
    jup_analysis_reset(&analysis);
    return jup_show_check(&c->show, err);
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    conversation_t *c = self;
    c->setup = setup;
    return (jup_speaker_t){
        .self = c, .sink = jup_chat_sink(&c->chat), .work = work, .report = report};
}

static void reset(void *self)
{
    conversation_t *c = self;
    jup_show_reset(&c->show);
}

int jup_cmd_chat(int argc, const char **argv)
{
    static const jup_run_way_t way = {
        .bytes = sizeof(conversation_t), .speaker = speaker, .reset = reset};
    return jup_run_command(argc, argv, &way);
}
