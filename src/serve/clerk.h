/**
 * The engine's side of the desk: a source of questions (ask/source.h) that come as clients lay
 * down orders, and what becomes of the answers. Runs where the engine does.
 */
#ifndef JUP_SERVE_CLERK_H
#define JUP_SERVE_CLERK_H

#include "ask/asking.h"
#include "serve/desk.h"
#include "serve/speak.h"
#include "serve/state.h"

typedef struct jup_clerk {
    jup_desk_t *desk;
    jup_state_t *state;
    jup_speaking_t who;
    double looked_s, asked_s; /* when all ranks were asked how they are */
} jup_clerk_t;

/** What the asking is made with. */
jup_source_t jup_clerk_source(jup_clerk_t *clerk);

/** Answers orders until the process is told to end and none is left; sleeps while there is none. */
void jup_clerk_work(jup_clerk_t *clerk, jup_asking_t *asking);

#endif
