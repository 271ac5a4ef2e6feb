//go:build cgo

/* Metrics next to those that the host keeps of every filter, wherever it
 * shows these: /api/v2/metrics, the input fluentbit_metrics. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <time.h>

#include "filter.h"
#include "metrics.h"

/* fluentbit_filter_ stands before the name of each. */

/* struct flb_filter_instance, by words. After the name of 32 bytes come alias,
 * match, match_regex (of a build with regular expressions) and parent_processor
 * (from 2.1.4 on); then the context, and from there on every release from 1.8.4
 * to 5.1 has the same: context, data, plugin, properties (2 words), config_map,
 * links (2 words), cmt, and the counters of the host. */
enum { NAME_SIZE = 32, MOST_BEFORE_CONTEXT = 4, CMT = 8, HOST_COUNTER = 9 };

/* struct cmt_counter: its cmt, after opts, map and links. */
enum { COUNTER_CMT = 9 };

/* The instance's metrics context; NULL where the words do not bear one another
 * out: the context is what was set, and a counter of the host names the same
 * metrics context as the instance. */
static void *cmt_of(void *ins)
{
    size_t name = nsgflow_name_offset(ins);
    void **word = (void **) ((char *) ins + name + NAME_SIZE);

    for (int i = 0; name > 0 && i <= MOST_BEFORE_CONTEXT; i++, word++) {
        if (*word == ins) {
            void *cmt = word[CMT], **counter = word[HOST_COUNTER];

            return cmt && counter && counter[COUNTER_CMT] == cmt ? cmt : NULL;
        }
    }
    return NULL;
}

/* Counters and gauges are made and set alike, since cmetrics 0.1. */
typedef void *creator(void *cmt, const char *ns, const char *subsystem, const char *name, const char *help,
                      int label_count, char **label_keys);
typedef int setter(void *metric, uint64_t time, double value, int labels, char **values);

static const char *const creators[] = {"cmt_counter_create", "cmt_gauge_create"};
static const char *const setters[] = {"cmt_counter_set", "cmt_gauge_set"};

static void show(struct metrics *m, int i, double total)
{
    const char *values[MOST_LABELS] = {m->name};
    int metric = series[i].metric;
    setter *set = (setter *) dlsym(RTLD_DEFAULT, setters[metrics[metric].gauge]);
    struct timespec now;

    for (int k = 1; k < metrics[metric].labels; k++) {
        values[k] = series[i].values[k - 1];
    }
    clock_gettime(CLOCK_REALTIME, &now);
    set(m->metric[metric], now.tv_sec * UINT64_C(1000000000) + now.tv_nsec, total, metrics[metric].labels,
        (char **) values);
    m->shown[i] = total;
    m->is_shown[i] = 1;
}

void nsgflow_metrics_create(void *ins, struct metrics *m, int has_context)
{
    void *cmt = cmt_of(ins);

    m->name = nsgflow_name(ins);
    for (int i = 0; cmt && i < METRICS; i++) {
        creator *create = (creator *) dlsym(RTLD_DEFAULT, creators[metrics[i].gauge]);

        if (create && dlsym(RTLD_DEFAULT, setters[metrics[i].gauge]) && metrics[i].of_context <= has_context) {
            m->metric[i] = create(cmt, "fluentbit", "filter", metrics[i].name, metrics[i].help, metrics[i].labels,
                                  (char **) metrics[i].keys);
        }
    }
}

void nsgflow_metrics_show(struct metrics *m, const double totals[SERIES])
{
    for (int i = 0; i < SERIES; i++) {
        if (m->metric[series[i].metric] && !isnan(totals[i]) && (!m->is_shown[i] || totals[i] != m->shown[i])) {
            show(m, i, totals[i]);
        }
    }
}
