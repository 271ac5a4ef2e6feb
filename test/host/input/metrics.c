/* The host's metrics of its inputs, as far as dlsym finds them. */

#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "input.h"

enum { MAX_LABELS = 4 };

/* What cmt_counter_create and cmt_gauge_create give out. */
struct metric {
    struct metric *next;
    struct instance *ins;
    int gauge, labels;
    struct series *series;
};

struct series {
    struct series *next;
    char labels[512];
    double value;
};

static struct metric *metrics;

void *flb_input_get_cmt_instance(struct instance *ins)
{
    return ins;
}

static struct metric *create(struct instance *ins, int gauge, const char *help, int labels, char **keys)
{
    struct metric *m = calloc(1, sizeof(*m));

    if (visiting != INIT || !*help || labels < 1 || labels > MAX_LABELS || strcmp(keys[0], "name") != 0) {
        fail(EXIT_CONTRACT, "metric outside cb_init, or with help \"%s\" and %d labels", help, labels);
    }
    m->ins = ins;
    m->gauge = gauge;
    m->labels = labels;
    m->next = metrics;
    return metrics = m;
}

/* The host destroys an instance's metrics after its exit. */
void destroy_metrics(struct instance *ins)
{
    for (struct metric **at = &metrics, *m; (m = *at);) {
        if (m->ins != ins) {
            at = &m->next;
            continue;
        }
        for (struct series *s, *next = m->series; (s = next);) {
            next = s->next;
            free(s);
        }
        *at = m->next;
        free(m);
    }
}

static int set(struct metric *m, int gauge, uint64_t time, double value, int labels, char **values)
{
    char text[512] = "";
    struct metric *known = metrics;
    struct series *s;

    while (known && known != m) {
        known = known->next;
    }
    if (!known || visiting == OUTSIDE || m->gauge != gauge || m->labels != labels || time == 0) {
        fail(EXIT_CONTRACT, "metric set after exit, outside a callback, of another kind, or with %d labels", labels);
    }
    for (int i = 0; i < labels; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s,", values[i]);
    }
    for (s = m->series; s && strcmp(s->labels, text) != 0; s = s->next) {
    }
    if (!s) {
        s = calloc(1, sizeof(*s));
        strcpy(s->labels, text);
        s->next = m->series;
        m->series = s;
    }
    if (!gauge && value < s->value) {
        fail(EXIT_CONTRACT, "counter {%s} set from %.0f to %.0f", text, s->value, value);
    }
    s->value = value;
    return 0;
}

void *cmt_counter_create(void *cmt, char *ns, char *subsystem, char *name, char *help, int labels, char **keys)
{
    (void) ns, (void) subsystem, (void) name;
    return create(cmt, 0, help, labels, keys);
}

void *cmt_gauge_create(void *cmt, char *ns, char *subsystem, char *name, char *help, int labels, char **keys)
{
    (void) ns, (void) subsystem, (void) name;
    return create(cmt, 1, help, labels, keys);
}

int cmt_counter_set(struct metric *m, uint64_t time, double value, int labels, char **values)
{
    return set(m, 0, time, value, labels, values);
}

int cmt_gauge_set(struct metric *m, uint64_t time, double value, int labels, char **values)
{
    return set(m, 1, time, value, labels, values);
}
