/**
 * A chat template that this program does not know, rendered by the Python that is on this machine:
 * once, with marks in place of a question, an answer and a system text, to learn what stands
 * before, between and after them. The template runs in jinja2's sandbox, in a process of its own
 * with little time and memory; nothing else ever executes a template.
 */
#ifndef JUP_ASK_PROMPTS_RENDER_H
#define JUP_ASK_PROMPTS_RENDER_H

#include "ask/prompts.h"

/**
 * template, begin and end: tokenizer.chat_template and the texts of the begin- and end-of-text
 * tokens. system: NULL: what the template does by itself. JUP_EINPUT: no python3 with jinja2, a
 * template that fails, or one that shows no question.
 */
jup_status_t jup_prompts_render(jup_prompts_t *prompts, const char *path, const char *template,
                                const char *begin, const char *end, const char *system,
                                jup_error_t *err);

#endif
