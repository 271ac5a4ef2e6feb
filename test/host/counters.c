/* The host's metrics, as far as a filter uses them: an instance's context, the
 * host's own counter in it, and the functions that dlsym finds. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

enum { MAX_COUNTERS = 17, MAX_SERIES = 12, MAX_LABELS = 3, MAX_TEXT = 64 };

struct series {
    char labels[MAX_LABELS][MAX_TEXT];
    double value;
};

/* A counter or a gauge. A filter sees the words of struct cmt_counter: the tenth is
 * its context. */
struct counter {
    void *words[10];
    char name[MAX_TEXT];
    char keys[MAX_LABELS][MAX_TEXT];
    int gauge, label_count;
    struct series series[MAX_SERIES];
    int series_count;
};

struct cmt {
    struct instance *ins;
    struct counter counters[MAX_COUNTERS]; /* the first is the host's own */
    int count;
};

static struct cmt contexts[MAX_INSTANCES];

/* In every release the metrics stand eight words after the instance's context,
 * and the host's counters after them. */
void have_metrics(struct instance *ins, int index, int unlike)
{
    struct cmt *cmt = &contexts[index];
    void **word = (void **) (ins->own + layout->context);

    cmt->ins = ins;
    cmt->count = 1;
    cmt->counters[0].words[9] = unlike ? NULL : cmt;
    word[8] = cmt;
    word[9] = &cmt->counters[0];
}

/* A host that reloads makes all of it anew. */
void begin_metrics(struct instance *ins)
{
    for (struct cmt *cmt = contexts; cmt < contexts + MAX_INSTANCES; cmt++) {
        if (cmt->ins == ins) {
            memset(cmt->counters + 1, 0, sizeof(cmt->counters) - sizeof(cmt->counters[0]));
            cmt->count = 1;
        }
    }
}

void print_counters(void)
{
    for (struct cmt *cmt = contexts; cmt < contexts + MAX_INSTANCES; cmt++) {
        for (struct counter *c = cmt->counters + 1; c < cmt->counters + cmt->count; c++) {
            for (int i = 0; i < c->series_count; i++) {
                fprintf(stderr, "host: %s", c->name);
                for (int k = 0; k < c->label_count; k++) {
                    fprintf(stderr, "%c%s=%s", k ? ',' : '{', c->keys[k], c->series[i].labels[k]);
                }
                fprintf(stderr, "} %.0f\n", c->series[i].value);
            }
        }
    }
}

#if STRIDE == 104 /* the other build is a host without them */
static void *create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help, int label_count, char **keys)
{
    struct counter *c;

    if (cmt < contexts || cmt >= contexts + MAX_INSTANCES || cmt->counters[0].words[9] != cmt) {
        fail(EXIT_CONTRACT, "a metric is created of something that is no metrics context");
    }
    if (!*help || label_count < 1 || label_count > MAX_LABELS || cmt->count == MAX_COUNTERS) {
        fail(EXIT_CONTRACT, "counter %s: help \"%s\", %d labels", name, help, label_count);
    }
    c = &cmt->counters[cmt->count++];
    snprintf(c->name, sizeof(c->name), "%s_%s_%s", ns, subsystem, name);
    for (c->label_count = 0; c->label_count < label_count; c->label_count++) {
        snprintf(c->keys[c->label_count], MAX_TEXT, "%s", keys[c->label_count]);
    }
    c->words[9] = cmt;
    return c;
}

void *cmt_counter_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help, int label_count,
                         char **keys)
{
    return create(cmt, ns, subsystem, name, help, label_count, keys);
}

void *cmt_gauge_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help, int label_count,
                       char **keys)
{
    struct counter *gauge = create(cmt, ns, subsystem, name, help, label_count, keys);

    gauge->gauge = 1;
    return gauge;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct series *series_of(struct counter *c, char **values)
{
    for (int i = 0; i < MAX_SERIES; i++) {
        struct series *s = &c->series[i];
        int k = 0;

        if (i == c->series_count) {
            for (c->series_count++; k < c->label_count; k++) {
                snprintf(s->labels[k], MAX_TEXT, "%s", values[k]);
            }
        }
        while (k < c->label_count && strcmp(s->labels[k], values[k]) == 0) {
            k++;
        }
        if (k == c->label_count) {
            return s;
        }
    }
    fail(EXIT_CONTRACT, "%s has more than %d series", c->name, MAX_SERIES);
    return NULL;
}

static int set(struct counter *c, uint64_t time, double value, int label_count, char **values)
{
    struct cmt *cmt = c->words[9];
    struct series *s;

    if (cmt->ins->exited || time == 0 || label_count != c->label_count) {
        fail(EXIT_CONTRACT, "%s set with %d labels, at %lu, %s exit", c->name, label_count, (unsigned long) time,
             cmt->ins->exited ? "after" : "before");
    }
    pthread_mutex_lock(&lock);
    s = series_of(c, values);
    if (!c->gauge && value < s->value) {
        fail(EXIT_CONTRACT, "%s set from %.0f to %.0f", c->name, s->value, value);
    }
    s->value = value;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cmt_counter_set(struct counter *c, uint64_t time, double value, int label_count, char **values)
{
    if (c->gauge) {
        fail(EXIT_CONTRACT, "cmt_counter_set of the gauge %s", c->name);
    }
    return set(c, time, value, label_count, values);
}

int cmt_gauge_set(struct counter *c, uint64_t time, double value, int label_count, char **values)
{
    if (!c->gauge) {
        fail(EXIT_CONTRACT, "cmt_gauge_set of the counter %s", c->name);
    }
    return set(c, time, value, label_count, values);
}
#endif
