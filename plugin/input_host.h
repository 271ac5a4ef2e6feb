#ifndef NSGFLOW_INPUT_HOST_H
#define NSGFLOW_INPUT_HOST_H

#include "input.h"

/* Where things stand in the host's struct flb_input_plugin, in words, by its
 * size in bytes. */
struct layout {
    size_t size;
    int name, init, pause, resume, exit;
};

/* Finds the functions below and the host's layout: the newest where it is not
 * known. Where it is not, or a function is missing, known is 0. */
const struct layout *nsgflow_find_layout(int *known);

/* The plugin struct that the host copies. */
extern void *in_nsgflow_plugin[];

/* Functions of the host. */
extern struct input_host {
    const char *(*get_property)(const char *key, void *ins);
    const char *(*name)(void *ins);
    void (*set_context)(void *ins, void *context);
    int (*set_collector)(void *ins, int (*collect)(void *, void *, void *), int fd, void *config);
    int (*pause_collector)(int collector, void *ins);
    size_t (*held)(void *ins);
    int (*dispatch)(uint64_t id, void *ins, void *config);
    int (*log_check)(void *ins, int level);                                   /* from 2.0 */
    int (*append)(void *ins, size_t records, const char *tag, size_t tag_len, /* from 2.0 */
                  const void *data, size_t size);
    int (*append_raw)(void *ins, const char *tag, size_t tag_len, const void *data, size_t size); /* 1.9 */
    void *(*cmt)(void *ins);                                                  /* from 2.0 */
} nsgflow_host;

#endif
