/* jupiter chat: as jupiter run, with lines of a conversation instead of one prompt. */
#include "app/commands.h"
#include "app/run.h"
#include "ask/chat.h"
#include "base/interrupt.h"
#include "base/terminal.h"
#include "strategy/figures.h"

#include <unistd.h>

typedef struct conversation {
    jup_setup_t *setup;
    jup_chat_t chat;
    jup_show_t show;
} conversation_t;

/* The prompts that the chat points at are replaced where they are. */
static jup_status_t set_system(void *self, const char *text, jup_error_t *err)
{
    conversation_t *c = self;
    jup_prompts_t prompts;
    JUP_TRY(jup_prompts_choose(&prompts, c->setup->gguf, c->setup->options.ask.prompts, text, err));
    jup_prompts_reset(&c->setup->prompts);
    c->setup->prompts = prompts;
    return JUP_OK;
}

static jup_status_t work(void *self, jup_life_t *life, jup_error_t *err)
{
    conversation_t *c = self;
    const jup_run_options_t *o = &c->setup->options;
    (void)err;
    jup_show_init(&c->show, stdout, o->print_tokens);
    c->show.wrap.columns = jup_terminal_columns(STDOUT_FILENO);
    c->chat = (jup_chat_t){
        .engine = &life->session.engine,
        .prompts = &c->setup->prompts,
        .rules = {.tokenizer = c->setup->tokenizer, .ignore_eos = o->ignore_eos, .stops = o->stops},
        .show = &c->show,
        .in = stdin,
        .generate = o->generate,
        .context = jup_setup_context(c->setup),
        .quiet = o->quiet,
        .typed = !o->quiet && jup_terminal_is_at(STDIN_FILENO),
        .set_system = set_system,
        .set_system_self = c,
    };
    jup_interrupt_say(NULL); /* it tells by itself what Ctrl-C has done */
    jup_chat_run(&c->chat);
    jup_interrupt_forget(); /* which is how a conversation ends */
    return JUP_OK;
}

static void cut(void *self, jup_life_t *life, char *kept, size_t size)
{
    conversation_t *c = self;
    (void)life;
    jup_show_flush(&c->show, true);
    snprintf(kept, size, "what was said");
}

static jup_status_t report(void *self, jup_life_t *life, jup_run_t *record, jup_error_t *err)
{
    conversation_t *c = self;
    jup_analysis_t analysis;
    jup_run_store(record, &analysis, "chat");
    jup_figures_store(&life->session.engine, record);
    if (!c->setup->options.quiet && !life->lost)
        jup_run_print(record, &analysis, &life->job.plan);
    jup_analysis_reset(&analysis);
    return jup_show_check(&c->show, err);
}

static jup_speaker_t speaker(void *self, jup_setup_t *setup)
{
    conversation_t *c = self;
    c->setup = setup;
    return (jup_speaker_t){
        .self = c, .sink = jup_chat_sink(&c->chat), .cut = cut, .work = work, .report = report};
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
