#ifndef NSGFLOW_INPUT_H
#define NSGFLOW_INPUT_H

#include <stdint.h>

#include "fluentbit.h"

/* An input instance of the host. It belongs to the host's engine thread; the
 * host frees none of it. */
struct input {
    void *ins;
    void *config;
    uintptr_t feed;     /* the Go side's handle */
    int wake;           /* eventfd: rings the collector */
    int collector;
};

/* What Go offers to append. */
struct segment {
    const void *data;
    size_t size;
    size_t records;
    const char *tag; /* NULL: the instance's */
    size_t tag_len;
};

/* What the Go side asks of the host. Valid inside a callback only. */
const char *nsgflow_input_property(void *ins, const char *key);
void nsgflow_input_log(void *ins, int level, const char *text);

/* The instance's alias, else its numbered name; and the numbered name, which
 * its folder of chunks is called by. Empty: not found. */
const char *nsgflow_input_name(void *ins);
const char *nsgflow_input_numbered(void *ins);

/* The instance's tag as it is configured; NULL: not found. */
const char *nsgflow_input_tag(void *ins);

/* A metric among the host's own of this instance; NULL where there can be none.
 * The host's metrics context owns it and destroys it after cb_exit. */
void *nsgflow_metric_new(void *ins, int gauge, const char *name, const char *help, int labels, char **keys);
void nsgflow_metric_set(void *metric, int gauge, double value, int labels, char **values);

/* Adds one to an eventfd. From any thread. */
void nsgflow_ring(int eventfd);

#endif
