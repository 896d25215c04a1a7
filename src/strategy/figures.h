/** What the engine did: steps in flight, guesses and their fate, the cache. */
#ifndef JUP_STRATEGY_FIGURES_H
#define JUP_STRATEGY_FIGURES_H

#include "strategy/engine.h"
#include "trace/run.h"

#include <stdio.h>

/** Into the run's summary numbers; and for people. First stage. */
void jup_figures_store(const jup_engine_t *engine, jup_run_t *run);
void jup_figures_print(FILE *out, const jup_engine_t *engine);

#endif
