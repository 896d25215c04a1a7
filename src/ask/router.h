/**
 * Whether a question suits an outline (`--outline=auto`): whether its answer is a list of points
 * that can be written independently of each other. Rules in this order, the first that applies
 * decides:
 *
 *  1. Reasoning ("step by step", "calculate", "solve" ...): one thought builds on the other. Plain.
 *  2. Code ("python", "a program", "a function" ...): plain.
 *  3. A piece of writing ("write", "draft", "compose" ... at the beginning), or a part to play
 *     ("pretend", "as a ...", "you are", "if you were"): plain.
 *  4. What asks for several things ("tips", "ways", "how can", "how do i", "what are", "what if",
 *     "why", "explain" ...): outline.
 *  5. A fact ("how many", "who", "what year", "called", "which" before a singular ...): plain.
 *  6. A judgement ("do we", "should we", "is it more" ...): plain.
 *  7. Else an outline: a model that finds no points in the question still answers it plainly.
 */
#ifndef JUP_ASK_ROUTER_H
#define JUP_ASK_ROUTER_H

#include <stdbool.h>

/** *reason names the rule that decided; a literal. */
bool jup_router_wants_outline(const char *question, const char **reason);

#endif
