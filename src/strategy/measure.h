/** What a lap costs by its rows, measured with steps that leave nothing behind. */
#ifndef JUP_STRATEGY_MEASURE_H
#define JUP_STRATEGY_MEASURE_H

#include "strategy/engine.h"

/**
 * First stage, while nothing is in the air: laps of 1, 2, 4, ... rows through all stages and their
 * links, alone (the lap) and one after the other (the period). Fills the speculation's costs, and
 * sets the scheduler's window where fit_window says so. A wish to stop (base/interrupt.h) cuts it
 * short.
 */
void jup_engine_measure(jup_engine_t *e, bool fit_window);

#endif
