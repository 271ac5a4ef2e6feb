#ifndef NSGFLOW_METRICS_H
#define NSGFLOW_METRICS_H

#include "metrics_table.h"

/* An instance's metrics among the host's own metrics. The host's metrics
 * context owns them and destroys them after cb_exit: nothing is freed here. */
struct metrics {
    const char *name;
    void *metric[METRICS]; /* NULL: the instance has none, or the host */
    double shown[SERIES];
    int is_shown[SERIES];
};

/* Valid once the instance has its context, which is its own address. Where the
 * host's metrics are not found for certain, the filter does without. Some are of
 * instances with a context only. */
void nsgflow_metrics_create(void *ins, struct metrics *m, int has_context);

/* Shows totals, in the order of series in metrics_table.h. NaN is nothing to show. */
void nsgflow_metrics_show(struct metrics *m, const double totals[SERIES]);

#endif
