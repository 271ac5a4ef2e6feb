//go:build cgo

/* What the native input needs of the host: its layout, its functions, and what
 * the Go side asks of it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "input_host.h"

static const struct layout layouts[] = {
    {128, 1, 4, 9, 10, 12},  /* 1.8 to 1.9 */
    {144, 3, 6, 11, 12, 14}, /* 2.0.0 to 2.0.6 */
    {152, 3, 6, 11, 12, 14}, /* 2.0.7 to 3.1 */
    {160, 3, 6, 12, 13, 15}, /* 3.2.0 to 3.2.2 */
    {208, 3, 6, 12, 13, 15}, /* 3.2.3 to 5.0 */
    {232, 3, 6, 12, 13, 18}, /* 5.1 */
};

static const struct layout *found;

struct input_host nsgflow_host;

static const struct { const char *name; void *function; int optional; } functions[] = {
    {"flb_input_get_property", &nsgflow_host.get_property, 0},
    {"flb_input_name", &nsgflow_host.name, 0},
    {"flb_input_set_context", &nsgflow_host.set_context, 0},
    {"flb_input_set_collector_event", &nsgflow_host.set_collector, 0},
    {"flb_input_collector_pause", &nsgflow_host.pause_collector, 0},
    {"flb_input_chunk_total_size", &nsgflow_host.held, 0},
    {"flb_engine_dispatch", &nsgflow_host.dispatch, 1},
    {"flb_input_log_check", &nsgflow_host.log_check, 1},
    {"flb_input_log_append_records", &nsgflow_host.append, 1},
    {"flb_input_chunk_append_raw", &nsgflow_host.append_raw, 1},
    {"flb_input_get_cmt_instance", &nsgflow_host.cmt, 1},
};

const char *nsgflow_input_property(void *ins, const char *key)
{
    return nsgflow_host.get_property(key, ins);
}

const char *nsgflow_input_name(void *ins)
{
    const char *name = nsgflow_host.name ? nsgflow_host.name(ins) : NULL;

    return name ? name : "nsgflow";
}

/* The name stands within the first words of the instance, at a place of its
 * own in several releases. */
const char *nsgflow_input_numbered(void *ins)
{
    enum { TO = 192 };

    for (const char *at = ins; at < (const char *) ins + TO; at += sizeof(int)) {
        if (strncmp(at, "nsgflow.", 8) == 0) {
            return at;
        }
    }
    return "";
}

/* What stands at an address that may be none, as far as the kernel can read it. */
static int read_word(const void *from, const void **word)
{
    int ends[2];
    int ok;

    if (pipe(ends) != 0) {
        return 0;
    }
    ok = write(ends[1], from, sizeof(*word)) == sizeof(*word) && read(ends[0], word, sizeof(*word)) == sizeof(*word);
    close(ends[0]);
    close(ends[1]);
    return ok;
}

/* Behind char name[32] stand, in words: the alias, in later releases a flag, the
 * context, two descriptors, the host's copy of the plugin struct, and the tag. The
 * copy is known by its name, which is a pointer to ours. */
const char *nsgflow_input_tag(void *ins)
{
    enum { NAME = 32, WORD = sizeof(void *) };
    const char *name = nsgflow_input_numbered(ins);
    const char *const *words = (const char *const *) (((uintptr_t) name + NAME + WORD - 1) / WORD * WORD);

    for (int copy = 3; *name && copy <= 4; copy++) {
        const void *own;

        if (read_word(words[copy] + found->name * WORD, &own) && own == in_nsgflow_plugin[found->name]) {
            return words[copy + 1];
        }
    }
    return NULL;
}

/* 1.9 has no function for the level; info is assumed there. */
void nsgflow_input_log(void *ins, int level, const char *text)
{
    if (nsgflow_host.log_check ? nsgflow_host.log_check(ins, level) : level <= LOG_INFO) {
        nsgflow_print(level, "input", nsgflow_input_name(ins), text);
    }
}

/* struct cmt_counter_create and cmt_gauge_create take the same arguments, and
 * so do the functions that set them. */
void *nsgflow_metric_new(void *ins, int gauge, const char *name, const char *help, int labels, char **keys)
{
    void *(*create)(void *cmt, const char *ns, const char *subsystem, const char *name, const char *help,
                    int label_count, char **label_keys) =
        dlsym(RTLD_DEFAULT, gauge ? "cmt_gauge_create" : "cmt_counter_create");
    void *cmt = nsgflow_host.cmt ? nsgflow_host.cmt(ins) : NULL;

    return cmt && create ? create(cmt, "fluentbit", "input", name, help, labels, keys) : NULL;
}

void nsgflow_metric_set(void *metric, int gauge, double value, int labels, char **values)
{
    int (*set)(void *metric, uint64_t time, double value, int labels, char **values) =
        dlsym(RTLD_DEFAULT, gauge ? "cmt_gauge_set" : "cmt_counter_set");
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (metric && set) {
        set(metric, now.tv_sec * UINT64_C(1000000000) + now.tv_nsec, value, labels, values);
    }
}

/* Whether a function of the plugin's own program stands at a word. */
static int is_function(void **plugin, int word)
{
    Dl_info of_plugin, of_function;

    return plugin[word] && dladdr(plugin, &of_plugin) && dladdr(plugin[word], &of_function) &&
           of_plugin.dli_fbase == of_function.dli_fbase;
}

/* Whether an input of the host has its name and functions where ours are to be. */
static int fits(const struct layout *layout, void **plugin, const char *name)
{
    const char *own = plugin[layout->name];

    return own && is_function(plugin, layout->init) && is_function(plugin, layout->pause) &&
           is_function(plugin, layout->resume) && is_function(plugin, layout->exit) && strcmp(own, name) == 0;
}

/* The host's own inputs tell the layout: by the size of their symbol, and by
 * what stands where. All of these have every callback that the layouts name. */
static const struct layout *layout_of_own_inputs(void)
{
    static const char *const names[] = {"dummy", "tail", "forward", "http", "syslog", "tcp", "random"};

    for (size_t i = 0; i < COUNT(names); i++) {
        char symbol[64];
        void **plugin;
        Dl_info info;
        const ElfW(Sym) *sym = NULL;

        snprintf(symbol, sizeof(symbol), "in_%s_plugin", names[i]);
        plugin = dlsym(RTLD_DEFAULT, symbol);
        if (!plugin || !dladdr1(plugin, &info, (void **) &sym, RTLD_DL_SYMENT) || !sym) {
            continue;
        }
        for (size_t k = 0; k < COUNT(layouts); k++) {
            if (layouts[k].size == sym->st_size && fits(&layouts[k], plugin, names[i])) {
                return &layouts[k];
            }
        }
    }
    return NULL;
}

/* The first layout is of a release that has another function for appending. */
const struct layout *nsgflow_find_layout(int *known)
{
    const struct layout *layout = layout_of_own_inputs();

    *known = layout != NULL;
    for (size_t i = 0; i < COUNT(functions); i++) {
        void *function = dlsym(RTLD_DEFAULT, functions[i].name);

        *(void **) functions[i].function = function;
        *known = *known && (function || functions[i].optional);
    }
    *known = *known && (nsgflow_host.append || (nsgflow_host.append_raw && layout == &layouts[0]));
    found = layout ? layout : &layouts[COUNT(layouts) - 1];
    return found;
}
