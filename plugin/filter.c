//go:build cgo

/* The filter: the plugin struct in the layout of the host that
 * loads it, and callbacks that enter Go only where Go can run. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "filter.h"
#include "options.h"

/* struct flb_filter_plugin, word by word. The host copies as many bytes as its
 * own struct has (72, 80 or 88 so far) from this symbol: the spare words stay
 * zero. Callbacks begin at the fifth word:
 *   up to 2.1    init, filter, exit
 *   from 2.2.0   pre_run, init, filter, exit
 *   from 3.2.0   pre_run, init, filter, exit, notification */
enum { EVENT_TYPE, NAME, DESCRIPTION, OPTIONS, CALLBACKS, WORDS = 32 };

void *filter_nsgflow_plugin[WORDS];

#define EVENT_TYPE_LOGS 1 /* shares its word with an int of flags, all zero */

static _Alignas(void *) char config_map[CONFIG_MAP_SIZE(filter_options)];

static struct {
    const char *(*get_property)(const char *key, void *ins);
    void (*set_context)(void *ins, void *context);
    const char *(*name)(void *ins);
} host;

/* The beginning of struct flb_filter_instance. */
static const struct instance_layout {
    size_t level, name;
} layouts[] = {
    {8, 16}, /* from 2.1 on: event_type and id stand before the level */
    {4, 8},  /* before */
};

/* NULL: the name stands in neither place. */
static const struct instance_layout *layout_of(const void *ins)
{
    for (size_t i = 0; i < COUNT(layouts); i++) {
        if (strncmp((const char *) ins + layouts[i].name, "nsgflow.", 8) == 0) {
            return &layouts[i];
        }
    }
    return NULL;
}

size_t nsgflow_name_offset(const void *ins)
{
    const struct instance_layout *layout = layout_of(ins);

    return layout ? layout->name : 0;
}

/* Where the layout is not known, info is assumed. */
static int level_of(const void *ins)
{
    const struct instance_layout *layout = layout_of(ins);
    int level = layout ? *(const int *) ((const char *) ins + layout->level) : -1;

    return level < 0 ? LOG_INFO : level; /* -1: not yet set */
}

const char *nsgflow_name(void *ins)
{
    const char *name = host.name ? host.name(ins) : NULL;

    return name ? name : "nsgflow";
}

void nsgflow_log(void *ins, int level, const char *text)
{
    if (level <= level_of(ins)) {
        nsgflow_print(level, "filter", nsgflow_name(ins), text);
    }
}

const char *nsgflow_property(void *ins, const char *key)
{
    return host.get_property(key, ins);
}

/* The context is the instance's own address: cb_exit is given nothing else,
 * and is not called at all without one. */
void nsgflow_keep(void *ins)
{
    host.set_context(ins, ins);
}

void *nsgflow_room(size_t size)
{
    return size ? malloc(size) : NULL;
}

/* Nonzero, with the reason in the log, where this process cannot run Go. */
static int refused(void *ins)
{
    if (nsgflow_forked) {
        nsgflow_log(ins, LOG_ERROR, nsgflow_daemon_text);
    }
    return nsgflow_forked;
}

static int cb_pre_run(void *ins, void *config, void *data)
{
    (void) config, (void) data;
    return refused(ins) ? -1 : nsgflowCheck(ins);
}

static int cb_init(void *ins, void *config, void *data)
{
    (void) config, (void) data;
    return refused(ins) ? -1 : nsgflowInit(ins);
}

/* Releases differ in the arguments after the seventh: none of them is read. */
static int cb_filter(const void *data, size_t size, const char *tag, int tag_len,
                     void **out, size_t *out_size, void *ins)
{
    (void) tag, (void) tag_len;
    *out = NULL;
    *out_size = 0;
    return nsgflow_forked ? FILTER_NOTOUCH : nsgflowFilter(ins, (void *) data, size, out, out_size);
}

static int cb_exit(void *context, void *config)
{
    (void) config;
    return nsgflow_forked ? 0 : nsgflowExit(context);
}

static int cb_unknown_host(void *ins, void *config, void *data)
{
    (void) config, (void) data;
    nsgflow_log(ins, LOG_ERROR,
                "this is not a Fluent Bit that the plugin knows (1.9 to 5.1): it would not be called as it expects");
    return -1;
}

/* The host's own filters tell the layout: they have no pre_run, so that word
 * is NULL where it is pre_run's, and init where it is not. */
static int has_pre_run(void)
{
    static const char *const names[] = {"grep", "modify", "nest", "parser", "stdout", "record_modifier"};
    const char *(*cmetrics)(void);
    int major, minor, patch;

    for (size_t i = 0; i < COUNT(names); i++) {
        char symbol[64];
        void **plugin;

        snprintf(symbol, sizeof(symbol), "filter_%s_plugin", names[i]);
        plugin = dlsym(RTLD_DEFAULT, symbol);
        if (plugin && plugin[NAME] && strcmp(plugin[NAME], names[i]) == 0) {
            return plugin[CALLBACKS] == NULL;
        }
    }

    /* 2.2.0 came with cmetrics 0.6.4. */
    cmetrics = dlsym(RTLD_DEFAULT, "cmt_version");
    if (cmetrics && sscanf(cmetrics(), "%d.%d.%d", &major, &minor, &patch) == 3) {
        return major * 10000 + minor * 100 + patch >= 604;
    }
    return -1;
}

/* Runs inside the host's dlopen, before it copies the struct. */
__attribute__((constructor)) static void fit_host(void)
{
    void **callback = &filter_nsgflow_plugin[CALLBACKS];
    int pre_run = has_pre_run();
    static char description[128];

    host.get_property = dlsym(RTLD_DEFAULT, "flb_filter_get_property");
    host.set_context = dlsym(RTLD_DEFAULT, "flb_filter_set_context");
    host.name = dlsym(RTLD_DEFAULT, "flb_filter_name");

    nsgflow_config_map(config_map, filter_options, COUNT(filter_options));
    filter_nsgflow_plugin[EVENT_TYPE] = (void *) (uintptr_t) EVENT_TYPE_LOGS;
    filter_nsgflow_plugin[NAME] = "nsgflow";
    snprintf(description, sizeof(description), "Azure NSG and VNet flow logs to events, one per flow (nsgflow %s)",
             nsgflow_version);
    filter_nsgflow_plugin[DESCRIPTION] = description;
    filter_nsgflow_plugin[OPTIONS] = config_map;

    if (pre_run < 0 || !host.get_property || !host.set_context) {
        /* The first two words take the same arguments in both layouts, where
         * a host gets to call them. */
        callback[0] = cb_unknown_host;
        callback[1] = cb_unknown_host;
        return;
    }
    if (pre_run) {
        *callback++ = cb_pre_run;
    }
    *callback++ = cb_init;
    *callback++ = cb_filter;
    *callback++ = cb_exit;
}
