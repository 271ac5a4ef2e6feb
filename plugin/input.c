//go:build cgo

/* The native input: by the name flb-in_nsgflow.so, the host looks up the plugin
 * struct below. Goroutines prepare segments of records and ring an eventfd; the
 * host's engine then calls cb_collect, which appends them. When the append has
 * returned 0, the records are in the host's chunk. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "input.h"
#include "options.h"
#include "proxy.h"

/* struct flb_input_plugin, in words. The host copies as many bytes as its own
 * struct has from this symbol: what is not set stays zero. */
enum { WORDS = 64 };

void *in_nsgflow_plugin[WORDS];

/* Where things stand, by the size of the host's struct in bytes. */
static const struct layout {
    size_t size;
    int name, init, pause, resume, exit;
} layouts[] = {
    {128, 1, 4, 9, 10, 12},  /* 1.8 to 1.9 */
    {144, 3, 6, 11, 12, 14}, /* 2.0.0 to 2.0.6 */
    {152, 3, 6, 11, 12, 14}, /* 2.0.7 to 3.1 */
    {160, 3, 6, 12, 13, 15}, /* 3.2.0 to 3.2.2 */
    {208, 3, 6, 12, 13, 15}, /* 3.2.3 to 5.0 */
    {232, 3, 6, 12, 13, 18}, /* 5.1 */
};

static _Alignas(void *) char config_map[CONFIG_MAP_SIZE(input_options)];

static int layout_known;

static struct {
    const char *(*get_property)(const char *key, void *ins);
    const char *(*name)(void *ins);
    void (*set_context)(void *ins, void *context);
    int (*set_collector)(void *ins, int (*collect)(void *, void *, void *), int fd, void *config);
    int (*pause_collector)(int collector, void *ins);
    size_t (*held)(void *ins);
    int (*flush)(void *config, void *plugin);
    int (*log_check)(void *ins, int level);                                   /* from 2.0 */
    int (*append)(void *ins, size_t records, const char *tag, size_t tag_len, /* from 2.0 */
                  const void *data, size_t size);
    int (*append_raw)(void *ins, const char *tag, size_t tag_len, const void *data, size_t size); /* 1.9 */
    void *(*cmt)(void *ins);                                                  /* from 2.0 */
} host;

static const struct { const char *name; void *function; int optional; } functions[] = {
    {"flb_input_get_property", &host.get_property, 0},
    {"flb_input_name", &host.name, 0},
    {"flb_input_set_context", &host.set_context, 0},
    {"flb_input_set_collector_event", &host.set_collector, 0},
    {"flb_input_collector_pause", &host.pause_collector, 0},
    {"flb_input_chunk_total_size", &host.held, 0},
    {"flb_engine_flush", &host.flush, 1},
    {"flb_input_log_check", &host.log_check, 1},
    {"flb_input_log_append_records", &host.append, 1},
    {"flb_input_chunk_append_raw", &host.append_raw, 1},
    {"flb_input_get_cmt_instance", &host.cmt, 1},
};

const char *nsgflow_input_property(void *ins, const char *key)
{
    return host.get_property(key, ins);
}

const char *nsgflow_input_name(void *ins)
{
    const char *name = host.name ? host.name(ins) : NULL;

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

/* 1.9 has no function for the level; info is assumed there. */
void nsgflow_input_log(void *ins, int level, const char *text)
{
    if (host.log_check ? host.log_check(ins, level) : level <= LOG_INFO) {
        nsgflow_print(level, "input", nsgflow_input_name(ins), text);
    }
}

void nsgflow_ring(int eventfd)
{
    uint64_t one = 1;
    ssize_t written = write(eventfd, &one, sizeof(one));

    (void) written; /* it fails only where it rings already */
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

static int append(struct input *in, const struct segment *s)
{
    if (host.append) {
        return host.append(in->ins, s->records, NULL, 0, s->data, s->size);
    }
    return host.append_raw(in->ins, NULL, 0, s->data, s->size);
}

/* Runs on the engine's thread. A wake appends for some milliseconds, so that
 * the host's timers and outputs get their turn. Within an append the host may
 * call the filter and cb_pause, and so Go: nothing is locked meanwhile. */
static int cb_collect(void *ins, void *config, void *context)
{
    enum { MOST_MS = 10, FLUSH_MS = 50 };
    struct input *in = context;
    struct segment segment;
    uint64_t rung, began = now_ms();
    int more = 0;
    ssize_t got = read(in->wake, &rung, sizeof(rung));

    (void) got;
    if (nsgflow_forked) {
        return 0;
    }
    while ((more = nsgflowInputNext(in->feed, host.held(ins), &segment))) {
        int code = append(in, &segment);

        nsgflowInputAppended(in->feed, code == 0, host.held(ins));
        if (code != 0 || now_ms() - began >= MOST_MS) {
            break;
        }
    }
    /* The host flushes once an interval; a backlog need not wait for that. The
     * host's own inputs serial and kmsg do the same. */
    if (nsgflowInputTick(in->feed, host.held(ins)) && host.flush && now_ms() - in->flushed >= FLUSH_MS) {
        in->flushed = now_ms();
        host.flush(config, NULL);
    }
    if (more) {
        nsgflow_ring(in->wake);
    }
    return 0;
}

/* Called twice when the host stops, and from inside an append that reaches a
 * limit. The host then refuses appends by itself. */
static void cb_pause(void *context, void *config)
{
    struct input *in = context;

    (void) config;
    if (!nsgflow_forked) {
        nsgflowInputPause(in->feed, 1);
    }
}

static void cb_resume(void *context, void *config)
{
    struct input *in = context;

    (void) config;
    if (!nsgflow_forked) {
        nsgflowInputPause(in->feed, 0);
    }
}

static int cb_exit(void *context, void *config)
{
    struct input *in = context;

    (void) config;
    if (!nsgflow_forked) {
        nsgflowInputExit(in->feed, in->ins, host.held(in->ins));
    }
    host.pause_collector(in->collector, in->ins);
    close(in->wake);
    free(in);
    return 0;
}

/* A host goes on without a threaded input that could not begin up to 4.0.2, and
 * the agent looks well: it is told to stop as by its service manager. */
static int refuse(void *ins, const char *text, int threaded)
{
    nsgflow_input_log(ins, LOG_ERROR, text);
    if (threaded) {
        kill(getpid(), SIGTERM);
    }
    return -1;
}

static int is_threaded(void)
{
    char name[17] = "";

    return prctl(PR_GET_NAME, name) == 0 && strncmp(name, "flb-in-", 7) == 0;
}

static int cb_init(void *ins, void *config, void *data)
{
    struct input *in;

    (void) data;
    if (nsgflow_forked) {
        return refuse(ins, nsgflow_daemon_text, 0);
    }
    if (!layout_known) {
        return refuse(ins, "this is not a Fluent Bit that the native input knows (1.9 to 5.1): "
                           "load the object by the name in_nsgflow.so instead", 0);
    }
    if (is_threaded()) {
        return refuse(ins, "option threaded: is not allowed, it takes: off; the input reads in threads of its own, "
                           "and one of the host's would hold records in memory that a crash loses", 1);
    }
    if (nsgflow_proxy_registered) {
        return refuse(ins, "loaded twice, as flb-in_nsgflow.so and as in_nsgflow.so: load one of them", 0);
    }
    in = calloc(1, sizeof(*in));
    if (!in) {
        return -1;
    }
    in->ins = ins;
    in->config = config;
    in->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (in->wake < 0 || nsgflowInputInit(ins, in->wake, &in->feed) != 0) {
        close(in->wake);
        free(in);
        return -1;
    }
    in->collector = host.set_collector(ins, cb_collect, in->wake, config);
    if (in->collector < 0) {
        nsgflowInputExit(in->feed, ins, 0);
        close(in->wake);
        free(in);
        return refuse(ins, "the host takes no collector", 0);
    }
    host.set_context(ins, in);
    return 0;
}

/* struct cmt_counter_create and cmt_gauge_create take the same arguments, and
 * so do the functions that set them. */
void *nsgflow_metric_new(void *ins, int gauge, const char *name, const char *help, int labels, char **keys)
{
    void *(*create)(void *cmt, const char *ns, const char *subsystem, const char *name, const char *help,
                    int label_count, char **label_keys) =
        dlsym(RTLD_DEFAULT, gauge ? "cmt_gauge_create" : "cmt_counter_create");
    void *cmt = host.cmt ? host.cmt(ins) : NULL;

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

/* The host's own inputs tell the layout: by the place of their name, and by the
 * size of their symbol. */
static const struct layout *find_layout(void)
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
            const char *name = plugin[layouts[k].name];

            if (layouts[k].size == sym->st_size && name && strcmp(name, names[i]) == 0) {
                return &layouts[k];
            }
        }
    }
    return NULL;
}

/* Runs inside the host's dlopen, before it copies the struct. */
__attribute__((constructor)) static void fit_host(void)
{
    static char description[128];
    const struct layout *layout = find_layout();
    void **plugin = in_nsgflow_plugin;

    layout_known = layout != NULL;
    for (size_t i = 0; i < COUNT(functions); i++) {
        void *function = dlsym(RTLD_DEFAULT, functions[i].name);

        *(void **) functions[i].function = function;
        layout_known = layout_known && (function || functions[i].optional);
    }
    layout_known = layout_known && (host.append || (host.append_raw && layout->size == layouts[0].size));
    if (!layout) {
        layout = &layouts[COUNT(layouts) - 1]; /* cb_init refuses, if it gets there */
    }
    nsgflow_config_map(config_map, input_options, COUNT(input_options));
    snprintf(description, sizeof(description), "Azure flow logs from Azure Storage (nsgflow %s)", nsgflow_version);
    plugin[layout->name] = "nsgflow";
    plugin[layout->name + 1] = description;
    plugin[layout->name + 2] = config_map;
    plugin[layout->init] = cb_init;
    plugin[layout->pause] = cb_pause;
    plugin[layout->resume] = cb_resume;
    plugin[layout->exit] = cb_exit;
}
