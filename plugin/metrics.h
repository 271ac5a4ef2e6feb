#ifndef NSGFLOW_METRICS_H
#define NSGFLOW_METRICS_H

#include <stdint.h>

#include "metrics_table.h"

/* An instance's counters among the host's own metrics. The host's metrics
 * context owns them and destroys them after cb_exit: nothing is freed here. */
struct metrics {
    int (*set)(void *counter, uint64_t time, double value, int labels, char **values); /* NULL: no metrics */
    const char *name;
    void *counter[COUNTERS];
    uint64_t shown[SERIES];
};

/* Valid once the instance has its context, which is its own address. Where the
 * host's metrics are not found for certain, the filter does without. */
void nsgflow_metrics_create(void *ins, struct metrics *m);

/* Shows totals, in the order of series in metrics_table.h. */
void nsgflow_metrics_show(struct metrics *m, const uint64_t totals[SERIES]);

#endif
