//go:build cgo

/* What the filter and the inputs need of the host. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fluentbit.h"

#ifndef NSGFLOW_VERSION /* bare: flags of cgo cannot carry quotes */
#define NSGFLOW_VERSION 0.2.0
#endif
#define QUOTED(text) #text
#define EXPANDED(text) QUOTED(text)

const char nsgflow_version[] = EXPANDED(NSGFLOW_VERSION);

/* struct flb_config_map, its head. */
struct option_head {
    int type; /* 0: string */
    const char *name;
    const char *fallback;
    int flags;
    int set_property;
    uintptr_t offset;
    const char *text;
};

/* The threads of the Go runtime do not come along into a child that the host
 * forks off: a call into Go would hang for ever there. */
int nsgflow_forked;

const char nsgflow_daemon_text[] =
    "cannot run in daemon mode (-d, --daemon, daemon on): the agent forks after loading plugins, "
    "and Go does not survive a fork: run it in the foreground, for instance under systemd";

static void in_child(void)
{
    nsgflow_forked = 1;
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

void nsgflow_print(int level, const char *kind, const char *name, const char *text)
{
    void (*print)(int level, const char *file, int line, const char *format, ...) =
        dlsym(RTLD_DEFAULT, "flb_log_print");

    if (print) {
        print(level, NULL, 0, "[%s:nsgflow:%s] %s", kind, name, text);
    }
}

void *nsgflow_copy(const void *out, size_t size)
{
    void *copy = malloc(size);

    return copy ? memcpy(copy, out, size) : NULL;
}

void nsgflow_config_map(char *map, const struct option_text *options, size_t count)
{
    size_t stride = dlsym(RTLD_DEFAULT, "flb_config_map_translate_dynamic") ? STRIDE_5_0_3 : STRIDE;

    for (size_t i = 0; i < count; i++) {
        struct option_head *head = (struct option_head *) (map + i * stride);

        head->name = options[i].key;
        head->fallback = options[i].fallback;
        head->text = options[i].text;
    }
}
