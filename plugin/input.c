//go:build cgo

/* The native input: by the name flb-in_nsgflow.so, the host looks up the plugin
 * struct below. Goroutines prepare segments of records and ring an eventfd; the
 * host's engine then calls cb_collect, which appends them. When the append has
 * returned 0, the records are in the host's chunk. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "input_host.h"
#include "options.h"
#include "proxy.h"

/* struct flb_input_plugin, in words. The host copies as many bytes as its own
 * struct has from this symbol: what is not set stays zero. */
enum { WORDS = 64 };

void *in_nsgflow_plugin[WORDS];

static _Alignas(void *) char config_map[CONFIG_MAP_SIZE(input_options)];

static int host_known;

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
    if (nsgflow_host.append) {
        return nsgflow_host.append(in->ins, s->records, s->tag, s->tag_len, s->data, s->size);
    }
    return nsgflow_host.append_raw(in->ins, s->tag, s->tag_len, s->data, s->size);
}

/* Runs on the engine's thread. A wake appends for some milliseconds, so that
 * the host's timers and outputs get their turn. Within an append the host may
 * call the filter and cb_pause, and so Go: nothing is locked meanwhile. */
static int cb_collect(void *ins, void *config, void *context)
{
    enum { MOST_MS = 10 };
    struct input *in = context;
    struct segment segment;
    uint64_t rung, began = now_ms();
    int more = 0;
    ssize_t got = read(in->wake, &rung, sizeof(rung));

    (void) got;
    if (nsgflow_forked) {
        return 0;
    }
    while ((more = nsgflowInputNext(in->feed, nsgflow_host.held(ins), &segment))) {
        int code = append(in, &segment);

        nsgflowInputAppended(in->feed, code == 0, nsgflow_host.held(ins));
        if (code != 0 || now_ms() - began >= MOST_MS) {
            break;
        }
    }
    /* What flb_engine_flush does, of this instance only: the others flush once
     * an interval, and have no share in its backlog. */
    if (nsgflowInputTick(in->feed, nsgflow_host.held(ins)) && nsgflow_host.dispatch) {
        nsgflow_host.dispatch(0, ins, config);
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
        nsgflowInputExit(in->feed, in->ins, nsgflow_host.held(in->ins));
    }
    nsgflow_host.pause_collector(in->collector, in->ins);
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
    if (!host_known) {
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
    in->collector = nsgflow_host.set_collector(ins, cb_collect, in->wake, config);
    if (in->collector < 0) {
        nsgflowInputExit(in->feed, ins, 0);
        close(in->wake);
        free(in);
        return refuse(ins, "the host takes no collector", 0);
    }
    nsgflow_host.set_context(ins, in);
    return 0;
}

/* Runs inside the host's dlopen, before it copies the struct. */
__attribute__((constructor)) static void fit_host(void)
{
    static char description[128];
    const struct layout *layout = nsgflow_find_layout(&host_known);
    void **plugin = in_nsgflow_plugin;

    nsgflow_config_map(config_map, input_options, COUNT(input_options));
    snprintf(description, sizeof(description), "Azure flow logs from Azure Storage (nsgflow %s)", nsgflow_version);
    plugin[layout->name] = "nsgflow";
    plugin[layout->name + 1] = description;
    plugin[layout->name + 2] = config_map;
    plugin[layout->init] = cb_init;
    if (!host_known) {
        return; /* it refuses there */
    }
    plugin[layout->pause] = cb_pause;
    plugin[layout->resume] = cb_resume;
    plugin[layout->exit] = cb_exit;
}
