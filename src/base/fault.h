/**
 * Files that are mapped can lose their pages while they are read (they are cut, or their disk goes
 * away): the system then sends SIGBUS. Here it becomes one message with the file's name, and the
 * end of this process with JUP_EENV, which the launcher takes for the end of the job.
 */
#ifndef JUP_BASE_FAULT_H
#define JUP_BASE_FAULT_H

#include <stddef.h>

/** From now on reading [base, base + bytes) is watched; the name is copied. */
void jup_fault_watch(const void *base, size_t bytes, const char *name);
void jup_fault_unwatch(const void *base);

#endif
