#ifndef NSGFLOW_FILTER_H
#define NSGFLOW_FILTER_H

#include "fluentbit.h"

/* What the host takes from cb_filter. */
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

/* Memory that the host may free; NULL for none, or when it is short. */
void *nsgflow_room(size_t size);

#endif
