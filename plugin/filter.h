#ifndef NSGFLOW_FILTER_H
#define NSGFLOW_FILTER_H

#include <stddef.h>

/* Log levels and filter results, as every supported release numbers them. */
enum { LOG_ERROR = 1, LOG_WARN = 2, LOG_INFO = 3, LOG_DEBUG = 4 };
enum { FILTER_MODIFIED = 1, FILTER_NOTOUCH = 2 };

/* What the Go side asks of the host. Valid inside a callback only: ins is the
 * instance that the callback was given. */
const char *nsgflow_property(void *ins, const char *key);
void nsgflow_keep(void *ins);
void nsgflow_log(void *ins, int level, const char *text);

/* The instance's alias, else its numbered name. */
const char *nsgflow_name(void *ins);

/* Where the numbered name stands in the instance; 0 where that is not known. */
size_t nsgflow_name_offset(const void *ins);

/* A copy of out that the host may free; NULL when memory is short. */
void *nsgflow_copy(const void *out, size_t size);

extern const char nsgflow_version[];

#endif
