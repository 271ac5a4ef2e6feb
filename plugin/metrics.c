//go:build cgo

/* Counters next to those that the host keeps of every filter, wherever it
 * shows these: /api/v2/metrics, the input fluentbit_metrics. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

#include "filter.h"
#include "metrics.h"

/* fluentbit_filter_ stands before the name of each counter. */

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

static void show(struct metrics *m, int i, uint64_t total)
{
    const char *values[MOST_LABELS] = {m->name};
    int counter = series[i].counter;
    struct timespec now;

    for (int k = 1; k < counters[counter].labels; k++) {
        values[k] = series[i].values[k - 1];
    }
    clock_gettime(CLOCK_REALTIME, &now);
    m->set(m->counter[counter], now.tv_sec * UINT64_C(1000000000) + now.tv_nsec, total, counters[counter].labels,
           (char **) values);
    m->shown[i] = total;
}

void nsgflow_metrics_create(void *ins, struct metrics *m)
{
    void *(*create)(void *cmt, const char *ns, const char *subsystem, const char *name, const char *help,
                    int label_count, char **label_keys) = dlsym(RTLD_DEFAULT, "cmt_counter_create");
    void *cmt = cmt_of(ins), *set = dlsym(RTLD_DEFAULT, "cmt_counter_set");

    if (!cmt || !create || !set) {
        return;
    }
    for (int i = 0; i < COUNTERS; i++) {
        m->counter[i] = create(cmt, "fluentbit", "filter", counters[i].name, counters[i].help, counters[i].labels,
                               (char **) counters[i].keys);
        if (!m->counter[i]) {
            return;
        }
    }
    m->set = set;
    m->name = nsgflow_name(ins);
    for (int i = 0; i < SERIES; i++) {
        show(m, i, 0); /* what has not happened yet is zero, not absent */
    }
}

void nsgflow_metrics_show(struct metrics *m, const uint64_t totals[SERIES])
{
    for (int i = 0; m->set && i < SERIES; i++) {
        if (totals[i] != m->shown[i]) {
            show(m, i, totals[i]);
        }
    }
}
